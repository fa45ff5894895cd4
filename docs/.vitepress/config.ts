import { type DefaultTheme, defineConfig } from 'vitepress';
import { type Language, rootOf, sections } from './pages.ts';
import { slugOf } from './slug.ts';

const sidebar = (language: Language): DefaultTheme.SidebarItem[] =>
  sections.map(({ title, pages }) => ({
    text: title[language],
    items: pages.map((page) => ({ text: page.title[language], link: rootOf[language] + page.file })),
  }));

/** Words, also where no blanks stand between them. It runs in the reader's browser too, so it stands by itself. */
function wordsOf(text: string): string[] {
  const words = new Intl.Segmenter('zh', { granularity: 'word' }).segment(text);
  return Array.from(words, ({ segment, isWordLike }) => (isWordLike ? segment : '')).filter(Boolean);
}

export default defineConfig({
  title: 'wechat-outbox',
  description: 'Durable replies for WeChat Official Accounts',
  cleanUrls: true,
  // What GitHub shows first in Chinese; the site has a home of its own.
  srcExclude: ['zh-CN/README.md'],
  // Files of the repository that are no pages: they are links on GitHub.
  ignoreDeadLinks: [(link) => link.includes('../') || link.includes('README')],
  markdown: { anchor: { slugify: slugOf } },
  themeConfig: {
    search: {
      provider: 'local',
      options: {
        miniSearch: { options: { tokenize: wordsOf } },
        locales: {
          'zh-CN': {
            translations: {
              button: { buttonText: '搜索', buttonAriaLabel: '搜索' },
              modal: {
                noResultsText: '没有找到',
                resetButtonTitle: '清除',
                displayDetails: '显示详情',
                footer: { selectText: '选择', navigateText: '移动', closeText: '关闭' },
              },
            },
          },
        },
      },
    },
  },
  locales: {
    root: { label: 'English', lang: 'en', themeConfig: { sidebar: sidebar('en') } },
    'zh-CN': {
      label: '简体中文',
      lang: 'zh-CN',
      description: '可靠地回复微信公众号的用户',
      themeConfig: {
        sidebar: sidebar('zh-CN'),
        outline: { label: '本页内容' },
        docFooter: { prev: '上一页', next: '下一页' },
        lastUpdated: { text: '更新于' },
        darkModeSwitchLabel: '外观',
        sidebarMenuLabel: '目录',
        returnToTopLabel: '回到顶部',
        langMenuLabel: '语言',
      },
    },
  },
});
