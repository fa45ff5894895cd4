import type { help as English } from '../en/help.js';

export const help: typeof English = {
  about: '可靠地回复微信公众号的用户：接收推送，先存入 Postgres，再用客服消息发送回复。',
  help: '显示帮助',
  version: '显示版本',
  json: '输出 JSON，供脚本使用',
  yes: '不询问，直接执行',
  ofAccount: '只限这个公众号',
  whichAccount: '用户给多个公众号发过消息时指明',
  appId: '公众号的 AppID',
  deliveryIds: '投递的 id，list 会列出',
  lastCode: '最近一次的错误码是它',
  overview: `
配置来自环境变量和工作目录下的 .env 文件，见 .env.example。
运维命令只需要 DATABASE_URL，token、menu、rules import、simulate 和 doctor 除外。
退出码：0 完成；1 出错，或者没有做成；2 用法或配置有误。

示例：
  wechat-outbox demo                  用模拟的微信和用户看它怎么工作
  wechat-outbox start                 一个进程里同时接收推送和处理消息
  wechat-outbox start --role worker   只处理消息；想开几个就开几个
  wechat-outbox migrate               把数据库升级到当前版本，然后退出

  wechat-outbox status                整体状况
  wechat-outbox list                  哪些没走完，为什么
  wechat-outbox show 4711             一条消息和它的每次尝试
  wechat-outbox requeue --state failed --code 45009 --since 2h
  wechat-outbox export --since 7d --format csv --output week.csv
  wechat-outbox doctor                什么挡了路，怎么办`,
  init: {
    about: '询问部署所需的信息，写出文件：.env、回复、docker-compose.yml',
    folder: '写到哪个目录',
    yes: '什么都不问：没有给出的用默认值',
    overwrite: '覆盖已有的文件',
    kind: '哪一种账号',
    appId: '它的 AppID',
    secret: 'AppSecret 放在哪里：.env，或只在服务的环境变量里',
    mode: '消息加解密方式',
    publicUrl: '微信访问本服务的网址',
    database: '内嵌的、docker-compose.yml 里的，或用 DATABASE_URL 给出自己的',
    replies: '由什么来回复',
    repliesUrl: '后端（http）或模型服务的地址',
    accounts: '账号写在哪里：.env、accounts.yaml 或 accounts.json',
    consoleUser: '管理控制台的第一个用户',
    passwordStdin: '从标准输入读取其密码（与 --yes 一起用）',
    noCheck: '不做检查，也不碰数据库',
    more: `
密钥不能写成参数，本机的其他用户会看到：WECHAT_APP_SECRET、WECHAT_TOKEN、WECHAT_ENCODING_AES_KEY、MODEL_API_KEY
和 DATABASE_URL 取自环境变量，没有就询问。没有 Token 和 EncodingAESKey 时自动生成。

示例：
  wechat-outbox init
  wechat-outbox init --yes --kind verified --app-id wx0123456789abcdef --public-url https://your.host`,
  },
  start: {
    about: '运行服务：升级数据库，接收推送，回复，直到 SIGTERM 或 Ctrl-C',
    role: '这个进程做什么',
  },
  migrate: { about: '把数据库升级到当前版本；随时可以执行，同时执行多次也没关系' },
  status: {
    about: '整体状况：等待的消息、速率、按错误码的失败、暂停、access_token、worker',
    watch: '反复刷新',
  },
  list: {
    about: '列出投递或消息，最新的在前；不写 --state 时列出还没走完的',
    what: '列出什么',
    state:
      '投递的状态：pending, sending, sent, failed, expired, unknown, cancelled；消息的状态：received, answering, settled, failed',
    openid: '只看这个用户',
    since: '从这时起：2h、7d、2026-11-23 或 "2026-11-23 09:30"（默认 7d）',
    until: '到这时为止，写法相同',
    text: '内容包含它',
    limit: '最多多少条',
    more: `
示例：
  wechat-outbox list                                   所有没发出去的
  wechat-outbox list --state failed --code 45009 --since 2h
  wechat-outbox list messages --state failed           回复逻辑失败的
  wechat-outbox list messages --text 退款 --state settled`,
  },
  show: {
    about: '一条消息的全部：收到了什么、计划发什么、每次尝试、怎么办',
    id: '消息的 id',
    delivery: '给的是投递的 id',
  },
  conversation: {
    about: '与一个用户的往来，按顺序',
    limit: '最近多少条消息',
  },
  export: {
    about: '导出双向的历史，每条消息一条记录，供其他程序使用',
    since: '从这时起收到的消息：2h、7d、2026-11-23 或 "2026-11-23 09:30"',
    until: '到这时为止（默认且最晚为 5 秒前）',
    format: '每行一个 JSON 对象，或表格',
    output: '写入文件，写完才会出现（默认写到标准输出）',
    overwrite: '覆盖已有文件',
    payload: '附上微信原样的全部字段',
    excel: '给电子表格用的 CSV：带 UTF-8 标记，文字不会被当成公式',
    more: `
用户的每条消息后面跟着它的投递，不管何时发出；按到达顺序。时间是 UTC。最近 5 秒到达的不包含在内：
可能还没有全部入库。

写完之前，--output FILE 的内容在旁边的 FILE.….part 里，FILE 保持原样。

示例：
  wechat-outbox export --since 7d --format csv --excel --output week.csv
  wechat-outbox export --since 2026-11-01 --until 2026-12-01 --format ndjson --payload --output november.ndjson
  wechat-outbox export --since 1h --format ndjson | jq -r 'select(.state == "failed") | .errmsg'`,
  },
  requeue: {
    about: '把没有发出去的重新入队；先说明会做什么，再询问',
    messages: '给的是消息：让回复逻辑彻底失败的消息重新跑一遍逻辑',
    state: '所有以此状态结束的',
    since: '在此之后结束的：2h、7d、2026-11-23（默认 1d）',
    limit: '最早的多少条（默认 1000）',
    force: '回复窗口已过也发，微信多半会拒绝（45015）',
    dryRun: '只说会做什么',
    more: `
重复执行是安全的，worker 运行时也可以执行；会话的顺序不会乱。给出的 id 有一个没有重新入队，退出码就是 1。

示例：
  wechat-outbox requeue 4711 4712
  wechat-outbox requeue --state failed --code 45009 --since 2h --dry-run
  wechat-outbox requeue --messages --since 1h --yes    改好回复逻辑的 bug 之后`,
  },
  cancel: {
    about: '放弃等待发送的；先询问',
    messages: '给的是消息：取消它名下所有等待的',
  },
  hold: {
    about: '扣住可能已经发过的：状态变为 unknown，可以重新排队；执行前会询问',
    ids: '消息的编号',
    afterRestore: '恢复之前的消息里还没有回复完的',
    log: '只扣住这些服务日志里已经回复过的',
    more: `
例：
  wechat-outbox hold --after-restore --log ingress.log worker.log
  wechat-outbox requeue --state unknown --since 1h --yes   扣住的还是发出去`,
  },
  pause: {
    about: '让一个公众号在所有进程里停止发送；消息照常入库等待',
    reason: '写给看到的人',
  },
  resume: { about: '结束一个公众号的暂停，不管是运维暂停的还是因微信拒绝而暂停的' },
  move: {
    about: '把公众号迁到另一套部署的数据库，不丢也不重复任何消息',
    to: '另一套部署的 DATABASE_URL；本机的 DATABASE_URL 是公众号现在所在的库',
    history: '带走多少天的已完结消息，至少 7 天；更早的留在原库',
    switch: '让路由把推送发到另一套部署的 shell 命令；在合适的时刻执行',
    switched: '路由已切换：继续',
    abort: '取消迁移，只要另一套部署还没有开始为该公众号工作',
    status: '迁移进行到哪一步；加 --to 时两边都显示',
    more: `
无论被什么打断，再运行一次就会接着做。请先读文档“一个 Postgres 装不下时”。

示例：
  wechat-outbox move-account wx0123456789abcdef --to postgres://wechat@db-b/wechat
  wechat-outbox move-account wx0123456789abcdef --to postgres://wechat@db-b/wechat --switch ./route-to-b.sh
  wechat-outbox move-account wx0123456789abcdef --to postgres://wechat@db-b/wechat --status`,
  },
  token: {
    about: 'access_token',
    refresh: '让微信换发一个 access_token，所有进程共用；需要公众号的配置',
  },
  menu: {
    about: '以文件管理公众号的菜单',
    account: '哪个公众号；配置里有多个时必填',
    file: '菜单文件（YAML）',
    target: '写到哪里（默认：标准输出）',
    pull: '把微信上现有的菜单写成文件；在公众号后台设置的也可以',
    diff: '显示 push 会改变什么；有差异时退出码为 1',
    push: '把菜单改成文件里的样子；先显示差异并询问',
    more: `
示例：
  wechat-outbox menu pull menu.yaml
  wechat-outbox menu diff menu.yaml
  wechat-outbox menu push menu.yaml`,
  },
  rulesImport: {
    about: '把公众号后台的自动回复写成规则文件，连同其中的图片',
    account: '哪个公众号；配置里有多个时必填',
    output: '规则文件；图片和语音放在旁边的文件夹里',
    more: `
微信不提供的内容，会在文件里原来的位置注明。

示例：
  wechat-outbox rules import --output rules.yaml`,
  },
  send: {
    about: '给发过消息的用户发一段文字，和其他回复一样走发件箱',
    text: '内容；太长会拆成几条',
    force: '回复窗口已过也发',
  },
  forget: {
    about: '抹去一个用户是谁以及说过的一切，保留计数；先询问',
    more: `
worker 手上正有该用户的消息时退出码为 1：稍后再执行一次。之后再发来的消息，当作新用户的保存。`,
  },
  rules: {
    about: '回复规则（REPLIES=rules.yaml）：试用、检查、恢复',
    test: '哪条规则会回复、回复什么，前面的规则为什么不会；没有规则会回复时退出码为 1',
    text: '用户发的文字',
    event: '改为一个事件，例如 subscribe；与 --scan 同用：扫码的新用户',
    click: '点击这个 key 的菜单项',
    scan: '扫描这个场景值的二维码',
    type: '这种类型的消息，例如 image；同时给出的文字作为语音识别结果',
    openid: '用户（默认 oTest）',
    account: '公众号（默认按配置）',
    at: '时间，例如 2026-11-23 09:30（默认现在）',
    file: '用这个文件里的规则，而不是生效的规则',
    name: '有多个文件时，指哪个文件的规则',
    all: '列出所有不会回复的规则，而不只是最后 20 条',
    check: '检查文件，指出问题的行和列；有问题时退出码为 1',
    checked: '规则文件（默认 REPLIES 里的规则和模型）',
    show: '生效的规则，或者以前的版本',
    version: '版本号，见 versions',
    versions: '有过哪些版本，谁在什么时候改的',
    limit: '最多显示',
    restore: '让以前的版本在所有进程里重新生效',
    note: '原因，留作记录',
    schema: '打印文件的 JSON Schema，供编辑器使用',
  },
  user: {
    about: '谁可以使用浏览器里的控制台',
    name: '登录用的名字',
    add: '添加用户；询问密码',
    role: '可以做什么',
    displayName: '控制台里显示的名字（默认同用户名）',
    passwordStdin: '从标准输入读取密码',
    noPassword: '不设密码：通过 OpenID Connect 或代理登录',
    list: '全部用户，以及角色和会话',
    setPassword: '换密码：询问新密码，并结束该用户的会话',
    setRole: '换角色，下一次点击起生效',
    disable: '禁止登录，并结束该用户的会话',
    enable: '重新允许登录',
    remove: '删除用户；先询问',
    sessions: '在哪里登录着',
    revoke: '在所有地方退出登录',
  },
  console: {
    about: '打印一个以管理员身份登录控制台的链接，只能用一次，15 分钟内有效',
    url: '浏览器访问控制台的网址（默认按配置）',
  },
  simulate: {
    about: '像微信一样向运行中的服务推送一条带签名的消息；需要公众号的配置',
    text: '用户说的话（或者用 --phone）',
    phone: '改为在浏览器里打开一部手机，按 Ctrl-C 结束；服务要访问它给出的接口地址',
    port: '手机和模拟接口的端口（与 --phone 同用）',
    menu: '公众号的菜单，格式同 menu/create（与 --phone 同用）',
    openid: '谁说的（默认是一个新用户）',
    account: '发给哪个公众号（默认第一个）',
    url: '接收地址（默认在本机）',
  },
  doctor: {
    about: '检查配置、数据库、迁移、时钟、接口、AppSecret、IP 白名单和接收地址，并说明怎么办',
    afterRestore: '改为检查：数据库恢复之后丢了什么，哪些会再发一次',
    point: '恢复到的时刻，数据库自己不知道时给出：2h 或 "2026-11-23 09:30"',
    log: '从那时起的服务日志文件：能说明丢了什么',
  },
  demo: {
    about: '在内嵌 PostgreSQL 上演示模拟用户与服务的一段对话',
    once: '所有回复到达后退出：退出码 0；缺一条则为 1',
    replies: '用这些代替默认回复，写法同 REPLIES；这时没有演示对话，只有手机',
  },
};
