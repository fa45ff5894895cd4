import { randomBytes } from 'node:crypto';

/** How WeChat says no. */
export type Refusal = { errcode: number; errmsg: string };

/** What WeChat says about a code. Source: the global return code page. */
const texts: Readonly<Record<number, string>> = {
  [-1]: 'system error',
  40001: 'invalid credential, access_token is invalid or not latest',
  40002: 'invalid grant_type',
  40003: 'invalid openid',
  40004: 'invalid media type',
  40005: 'invalid file type',
  40007: 'invalid media_id',
  40008: 'invalid message type',
  40009: 'invalid image size',
  40010: 'invalid voice size',
  40011: 'invalid video size',
  40012: 'invalid thumb size',
  40013: 'invalid appid',
  40016: 'invalid button size',
  40017: 'invalid button type',
  40018: 'invalid button name size',
  40019: 'invalid button key size',
  40020: 'invalid button url size',
  40022: 'invalid sub button level',
  40023: 'invalid sub button size',
  40024: 'invalid sub button type',
  40025: 'invalid sub button name size',
  40026: 'invalid sub button key size',
  40027: 'invalid sub button url size',
  40033: 'invalid charset. please check your request, if include \\uxxxx will create fail!',
  40035: 'invalid parameter',
  40054: 'invalid sub button url domain',
  40055: 'invalid button url domain',
  40066: 'invalid url',
  40097: 'invalid args',
  40125: 'invalid appsecret',
  40165: 'invalid weapp pagepath',
  40166: 'invalid weapp appid',
  41001: 'access_token missing',
  41002: 'appid missing',
  41004: 'appsecret missing',
  41005: 'media data missing',
  41006: 'missing media_id',
  42001: 'access_token expired',
  43001: 'require GET method',
  43002: 'require POST method',
  43004: 'require subscribe',
  44002: 'empty post data',
  44003: 'empty news data',
  44004: 'empty content',
  45002: 'content size out of limit',
  45008: 'article size out of limit',
  45009: 'reach max api daily quota limit',
  45011: 'api minute-quota reach limit, must slower, retry next minute',
  45015: 'response out of time limit or subscription is canceled',
  45047: 'out of response count limit',
  45072: 'invalid command',
  45080: 'require an interaction with the user within 30 seconds',
  45081: 'already typing',
  46003: 'menu no exist',
  47001: 'data format error',
  48006: 'forbid to clear quota because of reaching the limit',
  53600: 'invalid article id',
  65301: 'menuid not exist',
  65302: 'user not exist',
  65303: 'there is no selfmenu, please create selfmenu first',
  65304: 'match rule empty',
  65308: 'button have no action',
  65316: 'the number of domains out of limit',
  65318: 'must use utf-8 charset',
  65320: 'match rule with private data is not supported',
  65400: 'please enable new custom service, or wait for a while if you have enabled',
  65401: 'invalid custom service account',
  65402: 'the custom service account need to bind a wechat user',
  65413: 'no session of this customer',
  65414: 'another custom service account serves the customer',
  65415: 'the custom service account is not online',
  76021: 'cgi_path not found, please check',
  76022: 'could not use this cgi_path, no permission',
};

/** A refusal in WeChat's words, ending in the request id that its support asks for. */
export function refusal(errcode: number): Refusal {
  return { errcode, errmsg: `${texts[errcode] ?? 'error'} rid: ${requestId()}` };
}

function requestId(): string {
  const hex = randomBytes(12).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 16)}-${hex.slice(16)}`;
}
