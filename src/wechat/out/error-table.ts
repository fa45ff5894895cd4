import type { ErrorCode } from './error-code.js';

type Row = Omit<ErrorCode, 'errcode' | 'reason'>;
/** The reason, or the reason and what differs from the group. */
type Entry = string | readonly [reason: string, differs: Partial<Row>];

const rows = (group: Row, entries: Readonly<Record<string, Entry>>): ErrorCode[] =>
  Object.entries(entries).map(([errcode, entry]) => {
    const [reason, differs] = typeof entry === 'string' ? [entry, {}] : entry;
    return { errcode: Number(errcode), reason, ...group, ...differs };
  });

const shorten = { remedy: 'Make it shorter or smaller, then requeue.' };
const link = {
  remedy:
    'Link the mini program to the account (console, mini programs), check its AppID and path, then requeue.',
};
const file = { remedy: 'Use a file of a type and size that the upload API takes, then requeue.' };
const noAgent = { remedy: 'Correct kfAccount, or invite and bind the agent in the console, then requeue.' };
const consent = { remedy: 'The administrator must answer the request.' };
const maybe = { evidence: 'maybe-account' } as const;
const allowlist = {
  remedy:
    "Add this machine's outgoing IP, which errmsg names, to the allowlist (console, basic configuration).",
};

/**
 * Every code that we know, for each API that we call or whose codes show up there. Sources: the global return code page; the
 * pages of sendCustomMessage, getStableAccessToken, media upload, template and subscription messages and of customer-service
 * sessions; where these are silent, reports of users (2018 to 2026). Codes of commands that we never call are left out.
 */
export const errorCodes: readonly ErrorCode[] = [
  ...rows(
    { errorClass: 'token', scope: 'account', remedy: 'None: the token is renewed.' },
    {
      40001: 'access token invalid, or not the latest; from a call for a token: AppSecret wrong',
      40014: 'access token malformed',
      41001: 'access token missing',
      42001: 'access token expired',
      48012: 'access token invalid',
    },
  ),
  ...rows(
    { errorClass: 'transient', scope: 'platform', remedy: 'None: it is tried again.' },
    {
      [-1]: 'system busy',
      46007: ['media still being converted', { scope: 'message' }],
      61450: 'system error',
      268487001: 'system busy',
      268487002: 'system busy',
    },
  ),
  ...rows(
    { errorClass: 'throttled', scope: 'api', remedy: 'None: it goes on when the minute is over.' },
    {
      44990: 'calls of the second used up',
      44991: 'calls of the minute used up',
      45011: 'calls of the minute used up',
      45009: [
        'calls of the day used up',
        {
          remedy:
            'Wait for midnight in China, or clear the quota (console, or clear_quota, ten times a month).',
        },
      ],
    },
  ),
  ...rows(
    {
      errorClass: 'media',
      scope: 'message',
      remedy: 'Upload the file again: temporary media last three days.',
    },
    {
      40007: 'media_id unknown or expired',
      46001: 'media has no data',
    },
  ),
  ...rows(
    { errorClass: 'permanent', scope: 'message', remedy: 'Correct the reply logic, then requeue.' },
    {
      40004: ['media type', file],
      40005: ['file type', file],
      40006: ['file size', file],
      40008: 'message type',
      40009: ['picture too large', file],
      40010: ['voice too large', file],
      40011: ['video too large', file],
      40012: ['thumbnail too large', file],
      40031: 'list of openids malformed',
      40032: 'too many openids',
      40033: 'characters that are not allowed, or \\uXXXX in the JSON',
      40035: 'parameter',
      40036: 'template_id malformed',
      40037: 'template_id unknown, or of the other kind of templates',
      40039: ['url too long', shorten],
      40048: 'url invalid',
      40062: ['title too long', shorten],
      40066: 'url blocked or invalid',
      40068: 'url malicious',
      40097: 'arguments',
      40113: ['file type', file],
      40118: 'media_id malformed',
      40121: 'media_id of another kind',
      40128: 'permanent media wanted',
      40137: ['picture format', file],
      40155: 'link to the home page of another account',
      40160: ['not a picture', file],
      40165: ['path of the mini program', link],
      40166: ['AppID of the mini program', link],
      40168: ['mini program not linked to the account', link],
      40213: '<a> tag malformed',
      40214: 'text of an <a> tag',
      40249: 'promotional content',
      41005: ['no file', file],
      41006: 'media_id missing',
      41030: ['page not in the published mini program', link],
      43116: 'this template may not be sent any more',
      44001: ['no file', file],
      44002: 'empty body',
      44003: 'no article',
      44004: 'no text',
      44005: 'empty list',
      44006: ['empty file', file],
      45001: ['file too large', shorten],
      45002: ['text too long', shorten],
      45003: ['title too long', shorten],
      45004: ['description too long', shorten],
      45005: ['url too long', shorten],
      45006: ['picurl too long', shorten],
      45007: ['voice too long', shorten],
      45008: 'more than one article',
      45050: 'kind of message not allowed',
      45064: ['mini program not linked to the account', link],
      45068: ['file size', file],
      45086: ['link to a mini program malformed', link],
      45098: ['list of a menu message too long', shorten],
      45099: ['entry of a menu message too long', shorten],
      45162: 'parameter of the message type',
      45166: 'content refused, for example for a mini program that is not linked',
      47001: 'not JSON, or a field missing',
      47002: '\\uXXXX in the JSON',
      47003: 'an argument breaks the rule of its template',
      48008: [
        'no permission for this kind of message',
        { remedy: 'Send another kind of message to these users.' },
      ],
      65401: ['no such customer-service account', noAgent],
      65402: ['customer-service account not bound to a WeChat user', noAgent],
      65403: ['customer-service nickname', noAgent],
      65404: ['customer-service account name', noAgent],
      65405: ['too many customer-service accounts', noAgent],
      65406: ['customer-service account exists already', noAgent],
      65407: ['that person is an agent already', noAgent],
      65415: ['agent not online', noAgent],
      87009: 'signature',
      87014: 'content called risky',
    },
  ),
  ...rows(
    { errorClass: 'user', scope: 'user', remedy: 'None: nothing can be sent to this user now.' },
    {
      40003: [
        'not an openid of this account, seen now and then for followers too',
        { remedy: 'Check that the openid is of this account; if it is, requeue once.' },
      ],
      43004: 'does not follow the account',
      43006: 'blocked by the account',
      43019: 'blocked by the account',
      43101: 'has not agreed to messages of this template, or took it back',
      45047: [
        'more messages than the reply window allows',
        { remedy: 'Answer with fewer messages; the next action of the user opens a new allowance.' },
      ],
      46004: 'no such user',
      48002: 'refuses messages',
      49003: 'openid of another account',
      50002: [
        'limited by the platform: frozen or cancelled',
        {
          remedy:
            'None for one user. If several get it within minutes, look for a notice of punishment in the console.',
        },
      ],
      50005: 'does not follow the account',
      70000: 'not delivered, to protect minors',
    },
  ),
  ...rows(
    { errorClass: 'window', scope: 'user', remedy: 'None: the next action of the user opens a new window.' },
    {
      45015: 'the reply window is over, or the user has left the account',
    },
  ),
  ...rows(
    {
      errorClass: 'account',
      scope: 'account',
      evidence: 'account',
      remedy: 'Read the notices in the console.',
    },
    {
      40002: ['grant_type', { remedy: 'Look for something between us and WeChat that changes requests.' }],
      40013: [
        'AppID wrong, or not one for this message',
        { ...maybe, remedy: 'Check WECHAT_APP_ID, and AppIDs in messages.' },
      ],
      40125: [
        'AppSecret wrong',
        { remedy: 'Set WECHAT_APP_SECRET to the secret of the console (or reset it there).' },
      ],
      40132: ['WeChat name of the account', maybe],
      40164: ["this machine's IP is not on the account's allowlist", allowlist],
      40200: [
        'not for this kind of account',
        { ...maybe, remedy: 'Use an account of a kind that this API is open to.' },
      ],
      40243: ['AppSecret frozen', { remedy: 'Unfreeze the AppSecret in the console (basic configuration).' }],
      41002: ['AppID missing', { remedy: 'Set WECHAT_APP_ID.' }],
      41004: ['AppSecret missing', { remedy: 'Set WECHAT_APP_SECRET.' }],
      43001: ['GET wanted', { remedy: 'Look for something between us and WeChat that changes requests.' }],
      43002: ['POST wanted', { remedy: 'Look for a redirect, or a proxy that changes requests.' }],
      43003: ['HTTPS wanted', { remedy: 'Let WECHAT_API_BASE begin with https, also at a proxy.' }],
      45087: ['customer-service messages of the account are blocked', {}],
      45094: ['the account is punished', {}],
      45102: ['the API is blocked for a time', { scope: 'api' }],
      45103: ['the API is no longer supported', { ...maybe, scope: 'api' }],
      45109: ['the API is no longer supported', { ...maybe, scope: 'api' }],
      45501: ['the account is blocked for a time', {}],
      46101: ['the API is no longer supported', { ...maybe, scope: 'api' }],
      48001: [
        'the account has no permission for this API',
        {
          ...maybe,
          scope: 'api',
          remedy: 'Unverified account: the customer-service API is not open to it. Have it verified.',
        },
      ],
      48003: [
        'the mass message agreement is not accepted',
        { scope: 'api', remedy: 'Accept it in the console.' },
      ],
      48004: [
        'the API is closed for this account',
        { scope: 'api', remedy: 'Read the notice of punishment in the console.' },
      ],
      48009: ['the API is no longer supported', { ...maybe, scope: 'api' }],
      50001: [
        'no authorisation',
        { ...maybe, scope: 'api', remedy: 'Have the API authorised for the account.' },
      ],
      50003: ['not on a list of accounts', { scope: 'api' }],
      50004: ['the account may not have access tokens', {}],
      50007: ['account frozen', {}],
      61003: [
        'not authorised to the third-party platform',
        { remedy: 'Have the account authorise the platform again.' },
      ],
      61004: ['IP of the third-party platform not registered', allowlist],
      61007: [
        'API not authorised to the third-party platform',
        { scope: 'api', remedy: 'Have the account authorise this API.' },
      ],
      61016: ['function of the third-party platform to be confirmed', {}],
      61017: ['function of the third-party platform not granted', {}],
      61023: [
        'refresh token of the third-party platform',
        { remedy: 'Have the account authorise the platform again.' },
      ],
      61024: ['token of the third-party platform wanted', {}],
      65400: [
        'customer service is not switched on',
        { ...maybe, scope: 'api', remedy: 'Switch on customer service in the console.' },
      ],
      89501: ["consent to this machine's IP is asked for", consent],
      89502: ["consent to this machine's IP is asked for", consent],
      89503: ["this machine's IP awaits the administrator's consent", consent],
      89504: ["consent to this machine's IP is asked for", consent],
      89505: ["consent to this machine's IP is asked for", consent],
      89506: [
        "the administrator refused this machine's IP, for 24 hours",
        { remedy: 'Ask the administrator, and wait a day.' },
      ],
      89507: [
        "the administrator refused this machine's IP, for an hour",
        { remedy: 'Ask the administrator, and wait an hour.' },
      ],
    },
  ),
];
