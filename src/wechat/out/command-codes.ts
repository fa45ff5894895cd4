import { say } from '../../lib/language.js';
import type { ErrorCode } from './error-code.js';
import { rows } from './error-rows.js';

const ofUser = { scope: 'user' } as const;
const none = { remedy: say('None: it hurts no reply.', '不用处理：不影响回复。') };
const monthly = { remedy: say('Wait for the next month.', '等到下个月。') };

/**
 * Codes of commands (tags, material, quotas, the sessions of customer service) and of page login: for agents and for reply logic
 * that calls other APIs. A reply that met one of these would be refused as well whenever it is tried again.
 */
export const commandCodes: readonly ErrorCode[] = [
  ...rows(
    {
      errorClass: 'permanent',
      scope: 'message',
      remedy: say('Correct the call, then make it again.', '改正后重新调用。'),
    },
    {
      45056: say('too many tags', '标签太多'),
      45057: say('tag has too many followers to be deleted', '标签下的关注者太多，不能删除'),
      45058: say('tag of the system', '系统标签不能改'),
      45059: [say('too many tags on one user', '一个用户的标签太多'), ofUser],
      45072: [say('command of the typing indicator', '输入状态的 command 不对'), none],
      45080: [
        say(
          'no exchange with the user within 30 seconds, so no typing indicator',
          '30 秒内没有互动，不能下发输入状态',
        ),
        { ...ofUser, ...none },
      ],
      45081: [say('typing is shown already', '已经在输入状态'), { ...ofUser, ...none }],
      45157: say('tag name taken or not allowed', '标签名已存在或不合法'),
      45158: say('tag name too long', '标签名太长'),
      45159: say('no such tag', '标签不存在'),
      45169: [say('this user is being tagged at the same time', '同一用户正在被打标签'), ofUser],
      45171: say('some users could not be tagged', '部分用户打标签失败'),
      48005: say('material used by the menu or an automatic reply', '素材被菜单或自动回复引用'),
      48006: [say('clearing of quotas used up for the month', '当月的清零次数用完'), monthly],
      48010: say('material that may not be changed', '素材不能修改'),
      61451: say('parameter of a customer-service account', '客服账号的参数不对'),
      61452: say('customer-service account unknown', '客服账号不存在'),
      61453: say('customer-service account exists already', '客服账号已存在'),
      61454: say('customer-service account name too long', '客服账号名太长'),
      61455: say(
        'customer-service account name has characters that are not allowed',
        '客服账号名有不允许的字符',
      ),
      61456: say('too many customer-service accounts', '客服账号太多'),
      61457: say('picture of a customer-service account', '客服头像的文件类型不对'),
      65408: say('that person was invited already', '此人已被邀请'),
      65409: say('WeChat name of the person', '此人的微信号不对'),
      65410: say('that person serves too many accounts', '此人服务的公众号太多'),
      65411: say('an invitation is open already', '已有邀请等待确认'),
      65412: say('customer-service account bound already', '客服账号已绑定微信号'),
      65413: [say('no session of this user', '这个用户没有会话'), ofUser],
      65414: [say('another agent serves this user', '其他客服正在接待这个用户'), ofUser],
      65416: say('parameter of the record of messages', '聊天记录接口的参数不对'),
      65417: say('record of messages for more than a day', '聊天记录的时间跨度超过一天'),
      76001: say('request id unknown', 'rid 不存在'),
      76002: say('request id malformed', 'rid 格式不对'),
      76003: say('request id of another account, or path malformed', 'rid 属于其他账号，或 cgi_path 不对'),
      76004: say('request id too old', 'rid 已过期'),
      76021: say('path malformed', 'cgi_path 不对'),
      76022: say('token of another account', 'access_token 属于其他账号'),
    },
  ),
  ...rows(
    {
      errorClass: 'permanent',
      scope: 'message',
      remedy: say(
        'Let the user sign in to the page again: it is page login (OAuth), not the token of this service.',
        '让用户重新登录网页：这是网页授权（OAuth）的错误，与本服务的 access_token 无关。',
      ),
    },
    {
      40029: say('code of a page login', '网页授权的 code 无效'),
      40030: say('refresh token of a page login', '网页授权的 refresh_token 无效'),
      40163: say('code of a page login was used', '网页授权的 code 已被使用'),
      41008: say('code of a page login missing', '缺少网页授权的 code'),
      42002: say('refresh token of a page login expired', '网页授权的 refresh_token 已过期'),
      42003: say('code of a page login expired', '网页授权的 code 已过期'),
      42007: say('page login ended: the user changed the password', '用户修改了密码，网页授权失效'),
    },
  ),
];
