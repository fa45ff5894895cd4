import type { init as English } from '../en/init.js';

export const init: typeof English = {
  begin: (folder) =>
    `在 ${folder} 生成部署所需的文件。直接回车就用方括号里的值；答完最后一题之前不写任何文件。\n`,
  number: '序号：',
  byDefault: '（默认）',
  again: (problem) => `${problem}。请重新输入：`,
  oneOf: (count) => `应是 1 到 ${count} 之间的数字`,
  needs: (flag) => `没有人可以询问，请给出 ${flag}。没有写任何文件。`,
  wrongAnswer: (what, problem) => `${what}${what.endsWith('：') ? '' : '：'}${problem}。没有写任何文件。`,
  stdinNeedsYes: '不加 --yes 时，标准输入用来回答问题：--password-stdin 只能和 --yes 一起用',
  wouldOverwrite: (names) =>
    `已有这些文件：${names.join('、')}。没有写任何文件：要覆盖请加 --overwrite，或换一个目录。`,
  overwrite: (name) => `${name} 已经存在，要覆盖吗？[y/N]`,
  cannotBeWritten: (name) =>
    `${name} 里有 .env 文件写不了的字符：请把它放进一个文件，用 ${name}_FILE 指定。没有写任何文件。`,
  written: '已写入',
  kept: '保留  ',
  checking: '检查结果（接收地址要等服务启动后才有响应）：',
  notPrepared: (why) => `数据库没有准备好：${why}`,
  questions: {
    kind: '是哪一种账号？',
    appId: 'AppID：',
    secret: '服务从哪里得到 AppSecret？',
    appSecret: 'AppSecret（不显示；回车表示以后再填）：',
    token: 'Token（令牌），要在微信后台填写同样的内容：',
    mode: '消息加解密方式？',
    encodingAesKey: 'EncodingAESKey（消息加解密密钥），要在微信后台填写同样的内容：',
    publicUrl: '微信访问本服务的网址，例如 https://your.host（回车表示以后再填）：',
    database: '用哪个数据库？',
    databaseUrl: '数据库地址 postgres://…（不显示）：',
    replies: '由什么来回复？',
    repliesUrl: { http: '后端的地址：', model: '模型服务的地址：' },
    modelKey: '模型服务的密钥（不显示；回车表示以后再填）：',
    layout: '账号写在哪里？',
    consoleUser: '管理控制台第一个用户的名字（回车表示不要）：',
  },
  choices: {
    kind: { sandbox: '接口测试号，先试一试', verified: '已认证的服务号或公众号' },
    secret: { file: '从 .env，只有您自己能读', environment: '从环境变量，不写进文件' },
    mode: {
      secure: '安全模式',
      compatible: '兼容模式，切换期间用',
      plaintext: '明文模式',
    },
    database: {
      embedded: '内嵌的 PostgreSQL，在 .data/',
      compose: '生成的 docker-compose.yml 里的 PostgreSQL',
      url: '自己的数据库',
    },
    replies: {
      rules: '规则文件：关键词、菜单、扫码',
      code: 'JavaScript 模块',
      http: '自己的后端，通过 HTTP',
      model: '大模型',
    },
    layout: {
      env: '.env，只有这一个账号',
      yaml: 'accounts.yaml，以后可以再加账号',
      json: 'accounts.json',
    },
  },
  files: {
    settings: 'wechat-outbox 的配置。里面有密钥，不要给别人看。',
    fromEnvironment: (name) => `${name} 来自环境变量。`,
    embedded: '没有 DATABASE_URL：使用 .data/ 里内嵌的 PostgreSQL。',
    ofCompose: 'docker-compose.yml 里的 PostgreSQL 用。',
    rules: '什么消息回复什么。改动几秒内生效，检查用：wechat-outbox rules check rules.yaml',
    code: '给用户的回复。',
    model: '由大模型回复。任何兼容 OpenAI Chat Completions 的服务都可以。',
    compose: 'docker compose up -d：按 .env 的配置运行服务。',
  },
  console: ({ kind, mode, token, encodingAesKey, publicUrl }) =>
    [
      kind === 'sandbox'
        ? '\n在测试号页面的“接口配置信息”里填写：'
        : '\n在微信开发者平台（developers.weixin.qq.com/platform）的“域名与消息推送配置”里填写：',
      `  URL              ${publicUrl || 'https://your.host'}/wechat`,
      `  Token            ${token}`,
      ...(encodingAesKey === '' ? [] : [`  EncodingAESKey   ${encodingAesKey}`]),
      ...(kind === 'sandbox'
        ? []
        : [
            `  加解密方式       ${{ secure: '安全模式', compatible: '兼容模式', plaintext: '明文模式' }[mode]}`,
            '  并把本机的出口 IP 加进“IP白名单”，否则取不到 access_token（40164）',
          ]),
      '服务启动后再保存：微信会立即访问这个 URL。',
    ].join('\n'),
  next: ({ answers, version, hasUser }) =>
    [
      '\n接下来：',
      `  npm install wechat-outbox@${version}`,
      ...(answers.database === 'compose' ? ['  docker compose up -d postgres'] : []),
      '  npx wechat-outbox start',
      '  npx wechat-outbox doctor                     在另一个终端里',
      ...(answers.consoleUser === '' || hasUser
        ? []
        : [`  npx wechat-outbox user add --role admin ${answers.consoleUser}`]),
      '  docker compose up -d                         在容器里运行同样的服务',
    ].join('\n'),
};
