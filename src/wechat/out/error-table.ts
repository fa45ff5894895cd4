import { say } from '../../lib/language.js';
import { commandCodes } from './command-codes.js';
import type { ErrorCode } from './error-code.js';
import { rows } from './error-rows.js';

const shorten = { remedy: say('Make it shorter or smaller, then requeue.', '改短或改小后，重新入队。') };
const link = {
  remedy: say(
    'Link the mini program to the account (console, mini programs), check its AppID and path, then requeue.',
    '在公众平台后台（小程序管理）把小程序关联到公众号，核对 AppID 和页面路径，然后重新入队。',
  ),
};
const file = {
  remedy: say(
    'Use a file of a type and size that the upload API takes, then requeue.',
    '换成上传接口支持的格式和大小，然后重新入队。',
  ),
};
const noAgent = {
  remedy: say(
    'Correct kfAccount, or invite and bind the agent in the console, then requeue.',
    '改正 kfAccount，或在后台邀请并绑定该客服，然后重新入队。',
  ),
};
const laterQuota = {
  remedy: say(
    'Wait: it is tried again after midnight in China. Look at the quotas in the console.',
    '等待：北京时间零点之后会再试。到后台查看调用次数。',
  ),
};
const consent = { remedy: say('The administrator must answer the request.', '需要管理员处理这个确认请求。') };
const maybe = { evidence: 'maybe-account' } as const;
const allowlist = {
  remedy: say(
    "Add this machine's outgoing IP, which errmsg names, to the allowlist (console, basic configuration).",
    '把本机的出口 IP（errmsg 里有）加入 IP 白名单（后台，基本配置）。',
  ),
};

/**
 * Every code that we know, for each API that we call or whose codes show up there. Sources: the global return code page; the
 * pages of sendCustomMessage, getStableAccessToken, media upload, template and subscription messages and of customer-service
 * sessions; where these are silent, reports of users (2018 to 2026).
 */
export const errorCodes: readonly ErrorCode[] = [
  ...commandCodes,
  ...rows(
    {
      errorClass: 'token',
      scope: 'account',
      remedy: say('None: the token is renewed.', '不用处理：access_token 会自动更新。'),
    },
    {
      40001: say(
        'access token invalid, or not the latest; from a call for a token: AppSecret wrong',
        'access_token 无效或不是最新的；获取 access_token 时返回，则是 AppSecret 错误',
      ),
      40014: say('access token malformed', 'access_token 格式不对'),
      41001: say('access token missing', '缺少 access_token'),
      42001: say('access token expired', 'access_token 已过期'),
      48012: say('access token invalid', 'access_token 无效'),
    },
  ),
  ...rows(
    {
      errorClass: 'transient',
      scope: 'platform',
      remedy: say('None: it is tried again.', '不用处理：会自动重试。'),
    },
    {
      [-1]: say('system busy', '系统繁忙'),
      46007: [say('media still being converted', '素材还在转码'), { scope: 'message' }],
      61450: say('system error', '系统错误'),
      268487001: say('system busy', '系统繁忙'),
      268487002: say('system busy', '系统繁忙'),
    },
  ),
  ...rows(
    {
      errorClass: 'throttled',
      scope: 'api',
      remedy: say('None: it goes on when the minute is over.', '不用处理：这一分钟过后自动继续。'),
    },
    {
      44990: say('calls of the second used up', '每秒调用次数用完'),
      44991: say('calls of the minute used up', '每分钟调用次数用完'),
      45011: say('calls of the minute used up', '每分钟调用次数用完'),
      45009: [
        say('calls of the day used up', '当天的调用次数用完'),
        {
          remedy: say(
            'Wait for midnight in China, or clear the quota (console, or clear_quota, ten times a month).',
            '等到北京时间零点，或清零调用次数（后台，或 clear_quota 接口，每月十次）。',
          ),
        },
      ],
      45040: [say('calls of the month used up', '当月的调用次数用完'), laterQuota],
      45101: [say('uploads used up', '上传次数用完'), laterQuota],
      45104: [say('calls for this domain used up', '这个域名的调用次数用完'), laterQuota],
    },
  ),
  ...rows(
    {
      errorClass: 'media',
      scope: 'message',
      remedy: say(
        'Upload the file again: temporary media last three days.',
        '重新上传文件：临时素材只保存三天。',
      ),
    },
    {
      40007: say('media_id unknown or expired', 'media_id 不存在或已过期'),
      46001: say('media has no data', '素材没有内容'),
    },
  ),
  ...rows(
    {
      errorClass: 'permanent',
      scope: 'message',
      remedy: say('Correct the reply logic, then requeue.', '改正回复逻辑，然后重新入队。'),
    },
    {
      40004: [say('media type', '素材类型不对'), file],
      40005: [say('file type', '文件类型不对'), file],
      40006: [say('file size', '文件大小不对'), file],
      40008: say('message type', '消息类型不对'),
      40009: [say('picture too large', '图片太大'), file],
      40010: [say('voice too large', '语音太大'), file],
      40011: [say('video too large', '视频太大'), file],
      40012: [say('thumbnail too large', '缩略图太大'), file],
      40031: say('list of openids malformed', 'openid 列表格式不对'),
      40032: say('too many openids', 'openid 太多'),
      40033: say(
        'characters that are not allowed, or \\uXXXX in the JSON',
        '有不允许的字符，或 JSON 里有 \\uXXXX',
      ),
      40035: say('parameter', '参数不对'),
      40036: say('template_id malformed', 'template_id 格式不对'),
      40037: say(
        'template_id unknown, or of the other kind of templates',
        'template_id 不存在，或是另一类模板的',
      ),
      40039: [say('url too long', 'url 太长'), shorten],
      40048: say('url invalid', 'url 无效'),
      40062: [say('title too long', '标题太长'), shorten],
      40066: say('url blocked or invalid', 'url 被封禁或无效'),
      40068: say('url malicious', 'url 有害'),
      40097: say('arguments', '参数不对'),
      40113: [say('file type', '文件类型不对'), file],
      40118: say('media_id malformed', 'media_id 格式不对'),
      40121: say('media_id of another kind', 'media_id 是另一种素材的'),
      40128: say('permanent media wanted', '需要永久素材'),
      40137: [say('picture format', '图片格式不对'), file],
      40155: say('link to the home page of another account', '链接指向其他公众号的主页'),
      40160: [say('not a picture', '不是图片'), file],
      40165: [say('path of the mini program', '小程序页面路径不对'), link],
      40166: [say('AppID of the mini program', '小程序 AppID 不对'), link],
      40168: [say('mini program not linked to the account', '小程序没有关联到公众号'), link],
      40213: say('<a> tag malformed', '<a> 标签格式不对'),
      40214: say('text of an <a> tag', '<a> 标签里的文字不对'),
      40249: say('promotional content', '含营销推广内容'),
      41005: [say('no file', '没有文件'), file],
      41006: say('media_id missing', '缺少 media_id'),
      41030: [say('page not in the published mini program', '已发布的小程序里没有这个页面'), link],
      43116: say('this template may not be sent any more', '这个模板不能再发送'),
      44001: [say('no file', '没有文件'), file],
      44002: say('empty body', '请求体为空'),
      44003: say('no article', '没有图文'),
      44004: say('no text', '没有文本内容'),
      44005: say('empty list', '列表为空'),
      44006: [say('empty file', '文件为空'), file],
      45001: [say('file too large', '文件太大'), shorten],
      45002: [say('text too long', '文本太长'), shorten],
      45003: [say('title too long', '标题太长'), shorten],
      45004: [say('description too long', '描述太长'), shorten],
      45005: [say('url too long', 'url 太长'), shorten],
      45006: [say('picurl too long', 'picurl 太长'), shorten],
      45007: [say('voice too long', '语音太长'), shorten],
      45008: say('more than one article', '图文超过一条'),
      45050: say('kind of message not allowed', '不允许发送这种消息'),
      45064: [say('mini program not linked to the account', '小程序没有关联到公众号'), link],
      45068: [say('file size', '文件大小不对'), file],
      45086: [say('link to a mini program malformed', '小程序链接格式不对'), link],
      45098: [say('list of a menu message too long', '菜单消息的列表太长'), shorten],
      45099: [say('entry of a menu message too long', '菜单消息的选项太长'), shorten],
      45162: say('parameter of the message type', '这种消息的参数不对'),
      45166: say(
        'content refused, for example for a mini program that is not linked',
        '内容被拒，例如小程序没有关联',
      ),
      47001: say('not JSON, or a field missing', '不是 JSON，或缺少字段'),
      47002: say('\\uXXXX in the JSON', 'JSON 里有 \\uXXXX'),
      47003: say('an argument breaks the rule of its template', '参数不符合模板的规则'),
      48008: [
        say('no permission for this kind of message', '没有发送这种消息的权限'),
        { remedy: say('Send another kind of message to these users.', '给这些用户改发其他类型的消息。') },
      ],
      65401: [say('no such customer-service account', '客服账号不存在'), noAgent],
      65402: [say('customer-service account not bound to a WeChat user', '客服账号没有绑定微信号'), noAgent],
      65403: [say('customer-service nickname', '客服昵称不对'), noAgent],
      65404: [say('customer-service account name', '客服账号名不对'), noAgent],
      65405: [say('too many customer-service accounts', '客服账号太多'), noAgent],
      65406: [say('customer-service account exists already', '客服账号已存在'), noAgent],
      65407: [say('that person is an agent already', '此人已经是客服'), noAgent],
      65415: [say('agent not online', '客服不在线'), noAgent],
      87009: say('signature', '签名不对'),
      87014: say('content called risky', '内容被判定为有风险'),
    },
  ),
  ...rows(
    {
      errorClass: 'user',
      scope: 'user',
      remedy: say('None: nothing can be sent to this user now.', '无法处理：现在给这个用户发不了任何消息。'),
    },
    {
      40003: [
        say(
          'not an openid of this account, seen now and then for followers too',
          '不是这个公众号的 openid；偶尔也会对关注者这样返回',
        ),
        {
          remedy: say(
            'Check that the openid is of this account; if it is, requeue once.',
            '核对 openid 是否属于这个公众号；如果是，重新入队一次。',
          ),
        },
      ],
      43004: say('does not follow the account', '没有关注公众号'),
      43006: say('blocked by the account', '被公众号拉黑'),
      43019: say('blocked by the account', '被公众号拉黑'),
      43101: say(
        'has not agreed to messages of this template, or took it back',
        '没有同意接收这个模板的消息，或已撤回',
      ),
      45047: [
        say('more messages than the reply window allows', '超过回复窗口允许的条数'),
        {
          remedy: say(
            'Answer with fewer messages; the next action of the user opens a new allowance.',
            '减少一次回复的条数；用户下一次互动后会有新的条数。',
          ),
        },
      ],
      46004: say('no such user', '用户不存在'),
      48002: say('refuses messages', '拒收消息'),
      49003: say('openid of another account', '是其他公众号的 openid'),
      50002: [
        say('limited by the platform: frozen or cancelled', '被平台限制：账号冻结或注销'),
        {
          evidence: 'several-users',
          remedy: say(
            'None for one user. If several get it within minutes, look for a notice of punishment in the console.',
            '只有一个用户时不用处理。几分钟内有多个用户这样，就到后台查看有没有处罚通知。',
          ),
        },
      ],
      50005: say('does not follow the account', '没有关注公众号'),
      70000: say('not delivered, to protect minors', '因未成年人保护没有送达'),
    },
  ),
  ...rows(
    {
      errorClass: 'window',
      scope: 'user',
      remedy: say(
        'None: the next action of the user opens a new window.',
        '无法处理：用户下一次互动会打开新的回复窗口。',
      ),
    },
    {
      45015: say(
        'the reply window is over, or the user has left the account',
        '回复窗口已过，或用户已取消关注',
      ),
    },
  ),
  ...rows(
    {
      errorClass: 'account',
      scope: 'account',
      evidence: 'account',
      remedy: say('Read the notices in the console.', '到后台查看通知。'),
    },
    {
      40002: [
        say('grant_type', 'grant_type 不对'),
        {
          remedy: say(
            'Look for something between us and WeChat that changes requests.',
            '检查本机与微信之间有没有改动请求的东西（代理、网关）。',
          ),
        },
      ],
      40013: [
        say('AppID wrong, or not one for this message', 'AppID 错误，或不能用于这条消息'),
        {
          ...maybe,
          remedy: say(
            'Check WECHAT_APP_ID, and AppIDs in messages.',
            '核对 WECHAT_APP_ID，以及消息里的 AppID。',
          ),
        },
      ],
      40125: [
        say('AppSecret wrong', 'AppSecret 错误'),
        {
          remedy: say(
            'Set WECHAT_APP_SECRET to the secret of the console (or reset it there).',
            '把 WECHAT_APP_SECRET 改成后台的 AppSecret（或在后台重置）。',
          ),
        },
      ],
      40132: [say('WeChat name of the account', '公众号的微信号不对'), maybe],
      40164: [
        say("this machine's IP is not on the account's allowlist", '本机 IP 不在公众号的 IP 白名单里'),
        allowlist,
      ],
      40200: [
        say('not for this kind of account', '这类账号不能使用'),
        {
          ...maybe,
          remedy: say('Use an account of a kind that this API is open to.', '改用有这个接口权限的账号类型。'),
        },
      ],
      40243: [
        say('AppSecret frozen', 'AppSecret 已冻结'),
        {
          remedy: say(
            'Unfreeze the AppSecret in the console (basic configuration).',
            '在后台（基本配置）解冻 AppSecret。',
          ),
        },
      ],
      41002: [
        say('AppID missing', '缺少 AppID'),
        { remedy: say('Set WECHAT_APP_ID.', '设置 WECHAT_APP_ID。') },
      ],
      41004: [
        say('AppSecret missing', '缺少 AppSecret'),
        { remedy: say('Set WECHAT_APP_SECRET.', '设置 WECHAT_APP_SECRET。') },
      ],
      43001: [
        say('GET wanted', '要求用 GET'),
        {
          remedy: say(
            'Look for something between us and WeChat that changes requests.',
            '检查本机与微信之间有没有改动请求的东西（代理、网关）。',
          ),
        },
      ],
      43002: [
        say('POST wanted', '要求用 POST'),
        {
          remedy: say(
            'Look for a redirect, or a proxy that changes requests.',
            '检查有没有重定向，或改动请求的代理。',
          ),
        },
      ],
      43003: [
        say('HTTPS wanted', '要求用 HTTPS'),
        {
          remedy: say(
            'Let WECHAT_API_BASE begin with https, also at a proxy.',
            'WECHAT_API_BASE 要以 https 开头，经过代理时也一样。',
          ),
        },
      ],
      45034: [
        say('too many files are kept', '保存的素材太多'),
        {
          ...maybe,
          scope: 'api',
          remedy: say('Delete material that nobody needs (console).', '到后台删除不需要的素材。'),
        },
      ],
      45035: [
        say("this machine's IP is not on the account's allowlist", '本机 IP 不在公众号的 IP 白名单里'),
        allowlist,
      ],
      45087: [say('customer-service messages of the account are blocked', '公众号的客服消息被封禁'), {}],
      45094: [say('the account is punished', '公众号被处罚'), {}],
      45102: [say('the API is blocked for a time', '接口被暂时封禁'), { scope: 'api' }],
      45103: [say('the API is no longer supported', '接口已不再支持'), { ...maybe, scope: 'api' }],
      45109: [say('the API is no longer supported', '接口已不再支持'), { ...maybe, scope: 'api' }],
      45501: [say('the account is blocked for a time', '公众号被暂时封禁'), {}],
      46101: [say('the API is no longer supported', '接口已不再支持'), { ...maybe, scope: 'api' }],
      48001: [
        say('the account has no permission for this API', '公众号没有这个接口的权限'),
        {
          ...maybe,
          scope: 'api',
          remedy: say(
            'Unverified account: the customer-service API is not open to it. Have it verified.',
            '公众号未认证，没有客服消息接口的权限。请完成微信认证。',
          ),
        },
      ],
      48003: [
        say('the mass message agreement is not accepted', '没有同意群发协议'),
        { scope: 'api', remedy: say('Accept it in the console.', '到后台同意该协议。') },
      ],
      48004: [
        say('the API is closed for this account', '公众号的这个接口被关闭'),
        {
          scope: 'api',
          remedy: say('Read the notice of punishment in the console.', '到后台查看处罚通知。'),
        },
      ],
      48009: [say('the API is no longer supported', '接口已不再支持'), { ...maybe, scope: 'api' }],
      50001: [
        say('no authorisation', '没有授权'),
        {
          ...maybe,
          scope: 'api',
          remedy: say('Have the API authorised for the account.', '给公众号授权这个接口。'),
        },
      ],
      50003: [say('not on a list of accounts', '不在账号名单里'), { scope: 'api' }],
      50004: [say('the account may not have access tokens', '公众号不能获取 access_token'), {}],
      50007: [say('account frozen', '公众号已冻结'), {}],
      61003: [
        say('not authorised to the third-party platform', '没有授权给第三方平台'),
        { remedy: say('Have the account authorise the platform again.', '让公众号重新授权给第三方平台。') },
      ],
      61004: [say('IP of the third-party platform not registered', '第三方平台的 IP 没有登记'), allowlist],
      61007: [
        say('API not authorised to the third-party platform', '这个接口没有授权给第三方平台'),
        { scope: 'api', remedy: say('Have the account authorise this API.', '让公众号授权这个接口。') },
      ],
      61016: [say('function of the third-party platform to be confirmed', '第三方平台的功能待确认'), {}],
      61017: [say('function of the third-party platform not granted', '第三方平台的功能没有授予'), {}],
      61023: [
        say('refresh token of the third-party platform', '第三方平台的 refresh_token 不对'),
        { remedy: say('Have the account authorise the platform again.', '让公众号重新授权给第三方平台。') },
      ],
      61024: [say('token of the third-party platform wanted', '需要第三方平台的 access_token'), {}],
      65400: [
        say('customer service is not switched on', '没有开通客服功能'),
        {
          ...maybe,
          scope: 'api',
          remedy: say('Switch on customer service in the console.', '在后台开通客服功能。'),
        },
      ],
      89501: [say("consent to this machine's IP is asked for", '本机 IP 正在等待确认'), consent],
      89502: [say("consent to this machine's IP is asked for", '本机 IP 正在等待确认'), consent],
      89503: [say("this machine's IP awaits the administrator's consent", '本机 IP 等待管理员确认'), consent],
      89504: [say("consent to this machine's IP is asked for", '本机 IP 正在等待确认'), consent],
      89505: [say("consent to this machine's IP is asked for", '本机 IP 正在等待确认'), consent],
      89506: [
        say(
          "the administrator refused this machine's IP, for 24 hours",
          '管理员拒绝了本机 IP，24 小时内有效',
        ),
        { remedy: say('Ask the administrator, and wait a day.', '联系管理员，等一天。') },
      ],
      89507: [
        say("the administrator refused this machine's IP, for an hour", '管理员拒绝了本机 IP，一小时内有效'),
        { remedy: say('Ask the administrator, and wait an hour.', '联系管理员，等一小时。') },
      ],
    },
  ),
];
