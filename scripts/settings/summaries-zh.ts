import type { SettingName } from './collect.ts';

/** What the schema says of each setting, in Chinese. A setting that is missing here does not compile. */
export const summariesZh: Readonly<Record<SettingName, string>> = {
  WECHAT_APP_ID: '公众平台上的 AppID。',
  WECHAT_APP_SECRET: '公众平台上的 AppSecret。',
  WECHAT_TOKEN: '服务器配置里的令牌（Token）：自己定的 3 到 32 位字母或数字，与公众平台上填的一致。',
  WECHAT_ENCODING_AES_KEY:
    '消息加解密密钥（EncodingAESKey），安全模式和兼容模式使用：公众平台上的 43 个字符。',
  WECHAT_ENCODING_AES_KEY_PREVIOUS: '更换密钥期间的旧密钥：新旧两个都会尝试。',
  ACCOUNTS_FILE: '描述多个公众号的 YAML 或 JSON 文件，代替这里的单个公众号。见[多个公众号](#多个公众号)。',
  WECHAT_REQUIRE_ENCRYPTION: '拒收未加密的推送。确认安全模式可用后再打开。',
  WECHAT_COMPONENT_APP_ID: '代公众号实现业务的第三方平台的 AppID：推送是用它加密的。',
  WECHAT_CLOUD_HOSTING:
    '`on`：接收微信云托管内网的、不带签名的推送；`source`：只接收带 `x-wx-source` 请求头的。打开之前请先看[微信云托管](run.md#微信云托管)。',
  ACCESS_TOKEN_MODE:
    '`classic` 调用 `/cgi-bin/token`，用于没有稳定版接口的账号。该接口每次获取都会让上一个 access_token 失效，所以别的程序不能再去获取。',
  JSAPI_ORIGINS:
    '可以获取 JS-SDK 签名的网页来源（origin），用逗号分隔。见 [JS-SDK 页面](replies.md#js-sdk-页面)。',
  WECHAT_ACCOUNT_NAME: '默认回复里对公众号的称呼。',
  PUBLIC_URL: '默认回复里的图片和下载链接所在的网址。',
  REPLIES:
    '回复从哪里来，用逗号分隔，依次询问：规则文件（`rules.yaml`）、你自己的模块的路径、后端服务的地址，或大模型（`model:model.yaml`）。见[编写回复](replies.md)。',
  REPLIES_HTTP_SECRET:
    '给发往后端服务的请求签名：`whsec_` 加上 24 到 64 字节的 base64。见 [HTTP 回复](http-replies.md)。',
  REPLIES_HTTP_SECRET_PREVIOUS: '更换期间的旧密钥：请求用新旧两个签名。',
  REPLIES_HTTP_TIMEOUT: '调用一次后端服务最多用多少秒；要小于 REPLY_TIMEOUT。',
  REPLIES_HTTP_PRIVATE: '允许后端服务在你自己的网络里，或在本机。',
  REPLIES_HTTP_TURNS: '随一条消息把会话的最近多少轮发给后端服务；`0`：不发。',
  REPLIES_CALLBACK_URL:
    '后端服务访问推送端口所用的网址。有了它，后端就可以先答 202，稍后再把回复送到 `/replies/callback/` 下的回调地址。',
  REPLIES_CALLBACK_WAIT:
    '一条消息连同用户其后的消息，最多等待稍后送来的回复多少秒；回复窗口结束时无论如何也不再等。',
  REPLY_TIMEOUT: '回复逻辑处理一条消息最多用多少秒。',
  TYPING_INDICATOR: '回复逻辑运行超过一秒时，向用户显示“正在输入”。',
  MERGE_WITHIN:
    '用户在上一条消息之后这么多秒内接着发的消息，合在一起回复一次；`0`：每条单独回复。见[连发的消息一起回复](replies.md#连发的消息一起回复)。',
  WINDOW_MESSAGE: '用户发消息之后，平台允许下发的条数/时间。',
  WINDOW_MENU: '同上，用户点击自定义菜单之后。',
  WINDOW_SUBSCRIBE: '同上，用户关注之后。',
  WINDOW_SCAN: '同上，用户扫描公众号的二维码之后。',
  ON_OVERFLOW:
    '一次回复的条数超过窗口允许的数目时怎么办：`cut` 截断并在最后一条里说明；`refuse` 拒绝，这条消息记为失败。',
  HANDBACK_WORD: '用户发送这些文字之一（用逗号分隔），即可把会话交还给自动回复。',
  HANDOVER_IDLE_MINUTES:
    '客服接管的会话，在客服最后一次发言这么多分钟之后自动交还给回复逻辑；`0` 表示从不。见[转人工](replies.md#转人工)。',
  WORDS_FILE:
    '一个 YAML 文件，列出要在回复发出之前、以及在用户来信里查找的词。修改后不用重启。见[词表](checks.md#词表)。',
  USER_LIMIT:
    '同一用户在一段时间内最多回复多少条消息，所有进程合起来算：条数/时间，多项用逗号分隔。见[限量](checks.md#限量)。',
  LIMIT_NOTICE: '用户的消息超过 USER_LIMIT 时告诉他的话，每段时间一次；`off` 表示不说。',
  OVERFLOW_NOTICE: '被截断的回复，最后一条以此结尾。',
  MEDIA_FROM_PRIVATE_ADDRESSES: '允许回复里的素材 URL 指向内网地址。',
  ON_UNKNOWN: '发送结果无法得知时怎么办：`resend` 重发（用户可能收到两次），或 `hold` 留给运维人员处理。',
  ORDERED: '同一用户的回复按其消息的先后顺序发出。`false`：哪条先就绪就先发哪条。',
  SEND_RATE: '每个公众号每秒最多发送多少条，由存活的 worker 平分；`0` 表示不限。',
  DATABASE_URL:
    '数据库，`postgres://…`：PostgreSQL 15 或更新的版本，可以走 TCP、套接字、TLS，或 session 模式的 PgBouncer。见[部署](run.md#postgres)。',
  DATABASE_PASSWORD: '数据库密码，与 URL 分开写。这里可以用任何字符；写在 URL 里时，有些字符要 %-编码。',
  DATABASE_CONNECTIONS:
    '一个进程最多打开多少个数据库连接，由进程内各部分分用：至少 6 个，`worker` 角色至少 5 个，`ingress` 角色至少 3 个。见[容量](run.md#容量)。',
  DATA_DIR: '内嵌 PostgreSQL 的数据目录。',
  PORT: '接收推送的端口。`0`：任选一个空闲端口。',
  HOST: '接收推送的监听地址。',
  ADMIN_PORT: '健康检查、指标和网页签名的端口。`0`：任选一个空闲端口，日志里的 `started` 一行会写明。',
  ADMIN_HOST: '管理端口的监听地址。只给自己人用：不要让公网访问到。',
  PROCESSES:
    '`start` 在同一个推送端口上运行的进程数：最多每核一个，需要 DATABASE_URL。第 n 个进程的管理端口是 ADMIN_PORT + n - 1。容器里请改用多副本。',
  LOG_LEVEL: '日志的最低级别。',
  WECHAT_OUTBOX_LANG:
    '命令行使用的语言：`zh-CN` 或 `en`。不设置时按系统区域（`LC_ALL`、`LC_MESSAGES`、`LANG`）：`zh…` 用中文，其他用英文。JSON 和日志始终是英文。',
  MAX_TIMESTAMP_AGE: '接受多少秒以内的签名；`0`：不限。',
  WECHAT_API_BASE: '微信接口的地址，或模拟器的地址。',
  HTTP_PROXY: '访问 `http` 的代理；没有设置 `https` 的代理时，`https` 也用它。',
  HTTPS_PROXY:
    '调用微信接口、读取回复里的素材 URL 时使用的代理。内网地址要由代理自己拒绝。小写的名字（`https_proxy`）优先。',
  NO_PROXY: '直接访问、不走代理的主机，连同其子域名，用逗号分隔；`*` 表示全部。本机总是直接访问。',
  WECHAT_API_IP_FAMILY:
    '只用这一种地址连接微信。如果 40164 里的地址是 IPv6，而 IP 白名单里没有它，就设为 `4`。',
  REPLY_CONCURRENCY: '每个进程里，回复逻辑同时处理每个公众号多少条消息。',
  SEND_CONCURRENCY: '每个进程里，每个公众号同时发起多少个接口调用。',
  INBOX_QUEUE: '一个进程里最多有多少条消息等待提交；再来的推送立即返回 503。',
  SHUTDOWN_GRACE: '收到 SIGTERM 后，为进行中的工作等待多少秒。到时没做完的会交还。',
  RESCUE_AFTER: 'worker 失去音讯多少秒之后，由其他 worker 接手它的工作。此后最迟 15 秒内继续。',
  RETENTION_DAYS: '了结超过这么多天的消息，连同其投递一并删除；`0`：永不删除。见[隐私](privacy.md)。',
  FORGET_AFTER_UNSUBSCRIBE:
    '`off`，或宽限的天数：取消关注已这么久、且没有回来的用户，会被遗忘。见[隐私](privacy.md)。',
  NODE_APP_INSTANCE:
    '由 PM2 设置，不用你管：这个进程在同一命令的各进程中的序号，从 0 起，会加到 ADMIN_PORT 上。',
  CONSOLE_PATH:
    '控制台在管理端口上的路径；`off`：不提供控制台。前面的代理可以再加自己的路径。见[控制台](console.md)。',
  CONSOLE_URL:
    '前面有代理时，浏览器访问控制台的网址。用 `https` 时，它的 Cookie 只走 https。OpenID Connect 需要它。',
  CONSOLE_TRUSTED_PROXIES:
    '控制台前面的代理，写地址或网段，用逗号分隔：只相信它们说的浏览器地址（`X-Forwarded-For`）和登录用户（CONSOLE_TRUSTED_HEADER）。这些地址上不能有别人。',
  CONSOLE_TRUSTED_HEADER: '可信代理用来说明登录者是谁的请求头，值为用户名。',
  CONSOLE_OIDC_ISSUER: '可以用来登录的 OpenID Connect 身份提供方（issuer）：https，或在本机。',
  CONSOLE_OIDC_CLIENT_ID: '控制台在身份提供方的 client id。',
  CONSOLE_OIDC_CLIENT_SECRET: '控制台在身份提供方的密钥。',
  CONSOLE_OIDC_ROLE_CLAIM:
    'ID token 里存放角色的 claim，一个词或一个列表；每次登录取其中最高的。不设置时角色由这里管理。',
  CONSOLE_OIDC_DEFAULT_ROLE: '身份提供方认识、但没有其他角色的人的角色；不设置则拒绝。',
};
