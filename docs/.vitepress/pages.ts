/** Every page of the site, in the order of the sidebar; `index` is its home. */
export const sections = [
  {
    title: { en: 'Begin', 'zh-CN': '开始' },
    pages: [
      { file: 'getting-started', title: { en: 'Getting started', 'zh-CN': '快速上手' } },
      { file: 'replies', title: { en: 'Replies', 'zh-CN': '编写回复' } },
      { file: 'http-replies', title: { en: 'Replies by HTTP', 'zh-CN': 'HTTP 回复' } },
      { file: 'checks', title: { en: 'Checks and limits', 'zh-CN': '检查与限量' } },
      { file: 'model', title: { en: 'A model', 'zh-CN': '大模型' } },
      { file: 'rules', title: { en: 'Rules', 'zh-CN': '回复规则' } },
      { file: 'menu', title: { en: 'Menu', 'zh-CN': '菜单' } },
      { file: 'settings', title: { en: 'Settings', 'zh-CN': '配置项' } },
    ],
  },
  {
    title: { en: 'Run it', 'zh-CN': '上线' },
    pages: [
      { file: 'run', title: { en: 'Run', 'zh-CN': '部署' } },
      { file: 'scale-out', title: { en: 'When one Postgres is full', 'zh-CN': '一个 Postgres 装不下时' } },
      { file: 'upgrading', title: { en: 'Upgrading', 'zh-CN': '升级' } },
      { file: 'backup', title: { en: 'Backup and restore', 'zh-CN': '备份与恢复' } },
      { file: 'operate', title: { en: 'Operate', 'zh-CN': '运维' } },
      { file: 'console', title: { en: 'Console', 'zh-CN': '控制台' } },
      { file: 'night', title: { en: '3 a.m.', 'zh-CN': '凌晨三点' } },
      { file: 'watch', title: { en: 'Watch', 'zh-CN': '监控' } },
    ],
  },
  {
    title: { en: 'The history', 'zh-CN': '历史数据' },
    pages: [
      { file: 'query', title: { en: 'Query', 'zh-CN': '查询' } },
      { file: 'cookbook', title: { en: 'Cookbook', 'zh-CN': '查询手册' } },
      { file: 'privacy', title: { en: 'Privacy', 'zh-CN': '隐私' } },
    ],
  },
  {
    title: { en: 'Inside', 'zh-CN': '内部' },
    pages: [
      { file: 'how-it-works', title: { en: 'How it works', 'zh-CN': '工作原理' } },
      { file: 'states', title: { en: 'States', 'zh-CN': '状态' } },
      { file: 'performance', title: { en: 'Performance', 'zh-CN': '性能' } },
    ],
  },
] as const;

export type Language = 'en' | 'zh-CN';

/** Where the pages of a language begin. */
export const rootOf: Readonly<Record<Language, string>> = { en: '/', 'zh-CN': '/zh-CN/' };
