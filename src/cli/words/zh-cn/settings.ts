import type { ProblemWords } from '../../../config/problem.js';

const databaseUrlForms =
  'postgres://user:password@host:5432/database，或 postgres://user@/database?host=/socket/所在的目录';

const forms: ProblemWords['forms'] = {
  appIdMissing: '没有设置：后台的 AppID，例如 wx0123456789abcdef',
  appId: '应是后台的 AppID，例如 wx0123456789abcdef',
  appSecretMissing: '没有设置：后台的 AppSecret',
  tokenMissing: '没有设置：自己定 3 到 32 个字母或数字，并在后台填写同样的内容',
  token: '应是 3 到 32 个字母或数字，与后台填写的一致',
  encodingAesKey: '应是后台的 EncodingAESKey：43 个字母和数字',
  webUrl: '应是 http(s) 网址，例如 https://example.com',
  origin: '应是网页的源，例如 https://www.example.com，不带路径',
  proxy: '应是代理的地址，例如 http://proxy.example:3128，需要认证时写成 user:password@',
  ipFamily: '应是 4、6 或 auto',
  onUnknown: '应是 resend 或 hold',
  onOverflow: '应是 cut 或 refuse',
  cloudHosting: '应是 off、on 或 source',
  accessTokenMode: '应是 stable 或 classic',
  flag: '应是 true 或 false',
  logLevel: '应是 fatal、error、warn、info、debug、trace、silent 之一',
  allowance: '应是“条数/时间”，例如 5/48h 或 3/60s',
  userLimit: '应是用逗号分开的“条数/时间”，例如 10/1m,200/1d',
  sendRate: '应是每秒发送的次数，最多 100000，0 表示不限',
  port: '应是端口号，0 到 65535',
  seconds: '应是秒数，0 到 86400',
  mergeWithin: '应是秒数，0（每条单独回复）到 30',
  callSeconds: '应是秒数，至少 1，而且不能这么大',
  replies: '应是路径或网址，或它们的列表',
  turns: '应是轮数，0 到 100',
  webhookSecret:
    '应是 whsec_ 加上 24 到 64 字节的 base64，例如 `echo whsec_$(openssl rand -base64 32)` 的结果',
  rescueAfter: '应是秒数，1 到 600',
  concurrency: '应是数字，1 到 1000',
  processes: '应是数字，1 到 64',
  connections: '应是连接数，最多 1000：两个角色都有的进程至少 6',
  fewConnections: '至少是 6（角色 worker 至少 5，角色 ingress 至少 3）',
  inboxQueue: '应是消息的条数，至少 1',
  retentionDays: '应是天数，0（全部保留）到 36500',
  forgetAfter: '应是 off，或天数 0 到 9999',
  overflowNotice: '最多 200 个字',
  databaseUrl: `应是这样的 URL：${databaseUrlForms}`,
  secretReference: '应写明密钥在哪里：{ env: 变量名 } 或 { file: 路径 }',
  accounts: '应是公众号的列表',
  noAccounts: '至少要有一个公众号',
  notEmpty: '不能为空',
  minutes: '应是分钟数，0（从不）到 10080',
  word: '应是用逗号分开的文本，每段最多 100 个字',
  ranges: '应是用逗号分开的地址或网段，例如 10.0.0.0/8',
  consolePath: '应是 off，或 /console 这样的路径，末尾不带斜杠',
  headerName: '应是请求头的名称',
  issuer: '应是网址，例如 https://id.example.com',
  safeIssuer: '应是 https，除非它就在本机',
  role: '应是 viewer、agent、analyst、operator、admin 之一',
};

const types = { object: '对象', array: '列表', string: '文本', number: '数字', boolean: 'true 或 false' };

const databaseUrl = {
  form: forms.databaseUrl,
  unencoded: (character: string) =>
    `的用户名或密码里有 ${character}：请写成 ${encodeURIComponent(character)}（URL 里的密码必须做 % 编码），或者去掉密码，改设 DATABASE_PASSWORD，它可以是任何字符`,
  incomplete: `应写明主机和数据库：${databaseUrlForms}`,
  hosts: '应写明每台主机，端口数和主机数要一致：postgres://user:password@one:5432,two:5432/wechat',
  readOnly: '允许连到只读的服务器：请去掉 target_session_attrs，或写成 read-write 或 primary',
  percent: '里有一个 %，后面不是有效的编码：密码里的 % 请写成 %25',
  certificate: (cause: string) => `指定的证书读不了：${cause}`,
};

const needs = {
  fromOthersNotBelieved: '来自别处的这个请求头不可信',
  issuerKnowsIt: '身份提供方用它认出控制台',
  browsersComeBack: '身份提供方会让浏览器回到那里',
};

const roles = { all: '两个角色都有的进程', ingress: '角色 ingress ', worker: '角色 worker ' };

/** What is wrong with the settings. */
export const settings: ProblemWords = {
  attention: '以下配置有问题：',
  inFile: (file, sentence) => `ACCOUNTS_FILE ${file}：${sentence}`,
  forms,
  sentences: {
    wrongForm: ({ where, form, given }) =>
      `${where} ${forms[form]}${given === undefined ? '' : `（现在是 ${JSON.stringify(given)}）`}`,
    wrongType: ({ where, expected }) => `${where} 应是${types[expected]}`,
    unknownKeys: ({ where, keys }) => `${where} 里有不认识的项：${keys.join('、')}`.trimStart(),
    other: ({ where, text }) => `${where} 不对：${text}`,
    unreadable: ({ where, cause }) => `${where} 读不了：${cause}`,
    databaseUrl: ({ where, problem }) => {
      switch (problem.kind) {
        case 'unencoded':
          return `${where} ${databaseUrl.unencoded(problem.character)}`;
        case 'certificate':
          return `${where} ${databaseUrl.certificate(problem.cause)}`;
        default:
          return `${where} ${databaseUrl[problem.kind]}`;
      }
    },
    bothSet: ({ one, other }) => `${one} 和 ${other} 都设置了：请只保留一个`,
    twoPasswords: () => 'DATABASE_PASSWORD 和 DATABASE_URL 里的密码都设置了：请只保留一个',
    passwordWithoutUrl: () => '设置了 DATABASE_PASSWORD 而没有 DATABASE_URL：内嵌 PostgreSQL 有自己的密码',
    besideAccountsFile: ({ setting }) => `${setting} 和 ACCOUNTS_FILE 都设置了：有哪些公众号由文件决定`,
    severalNeedDatabase: ({ because }) =>
      `${because === 'PROCESSES' ? 'PROCESSES 大于 1' : '作为多个进程之一（NODE_APP_INSTANCE）'}时需要 DATABASE_URL：内嵌 PostgreSQL 只供一个进程使用`,
    adminPortsTooHigh: ({ last }) =>
      `按 PROCESSES 和 ADMIN_PORT，管理端口会到 ${last}，而最大的端口号是 65535`,
    portAmongAdminPorts: ({ port, first, last }) =>
      `PORT ${port} 落在各进程的管理端口 ${first} 到 ${last} 之中`,
    tooFewConnections: ({ connections, least, role }) =>
      `DATABASE_CONNECTIONS 是 ${connections}：${roles[role]}至少需要 ${least}`,
    noPublicUrl: () =>
      'PUBLIC_URL 没有设置：默认回复的图片所在的网址，例如 https://www.example.com（设置了 REPLIES 则不需要）',
    noPublicUrlOfAccount: ({ where }) =>
      `${where}.publicUrl 没有设置：默认回复需要它（设置了 replies 则不需要）`,
    noKey: ({ where, requiredBy }) => `${where} 没有设置：缺了它，${requiredBy} 会拒收所有推送`,
    unsignedAndEncrypted: ({ where }) =>
      `${where} 接收没有签名的推送，它们从不加密，而配置又要求加密：两者只能选一`,
    accountTwice: ({ where }) => `${where} 出现了两次`,
    noVariable: ({ where, name }) => `${where}：环境里没有变量 ${name}`,
    needs: ({ setting, other, because }) => `${setting} 需要 ${other}：${needs[because]}`,
    noReplySecret: ({ where }) => `${where} 没有设置：发给 HTTP 回复服务的请求用它签名（whsec_…）`,
    privateReplies: ({ where, host }) =>
      `${where} 指向 ${host}，它在你自己的网络里：如果确实要这样，请设置 REPLIES_HTTP_PRIVATE=true`,
    notBelow: ({ setting, other }) => `${setting} 必须小于 ${other}`,
    noAccountsList: () => '应有列表 "accounts"',
  },
};
