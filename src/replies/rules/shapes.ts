import { z } from 'zod';
import { both } from '../../lib/language.js';
import type { Reply } from '../../wechat/out/reply.js';

/**
 * The form of a rules file. The JSON Schema for editors is made from these shapes, so what describes a field is written for whoever
 * fills it in.
 */

const templated = 'May use the fields of the message, such as {{content}}, {{openid}} and {{match.1}}.';

const text = z.string({ error: both('must be text', '应是文字') });
const filled = text.refine((value) => value.trim() !== '', both('must not be empty', '不能为空'));
const shown = filled.meta({ description: templated });
const webUrl = filled
  .refine((value) => /^https?:\/\//i.test(value), both('must be an http(s) URL', '应是 http(s) 网址'))
  .meta({ description: `An http(s) URL. ${templated}` });

/** One, or a list of which any will do. */
function anyOf<T extends z.ZodType>(one: T) {
  return z.union([one, z.array(one).min(1, both('must name at least one', '至少要写一个'))]);
}

const words = anyOf(filled);

const media = z
  .union([filled, z.strictObject({ file: filled }), z.strictObject({ url: filled })])
  .meta({ description: 'A media_id, { file: path } or { url: http(s) URL }; the latter are uploaded.' });
const kfAccount = text
  .regex(/^[^@\s]+@[^@\s]+$/, both('must be name@account', '应是 name@account'))
  .optional()
  .meta({ description: 'Shown as said by this customer-service account: name@account.' });

const article = z.strictObject({
  title: shown,
  description: shown.optional(),
  url: webUrl.optional(),
  picUrl: webUrl.optional(),
});

/** Every type of reply, with its fields as replies in code have them. */
const reply = z.discriminatedUnion(
  'type',
  [
    z.strictObject({ type: z.literal('text'), kfAccount, content: shown }),
    z.strictObject({ type: z.literal('image'), kfAccount, media }),
    z.strictObject({ type: z.literal('voice'), kfAccount, media }),
    z.strictObject({
      ...{ type: z.literal('video'), kfAccount, media, thumb: media },
      title: shown.optional(),
      description: shown.optional(),
    }),
    z.strictObject({
      ...{ type: z.literal('music'), kfAccount, thumb: media },
      musicUrl: webUrl,
      hqMusicUrl: webUrl.optional(),
      title: shown.optional(),
      description: shown.optional(),
    }),
    z.strictObject({
      ...{ type: z.literal('news'), kfAccount },
      articles: z.array(article).min(1, both('must hold at least one', '至少要有一个')),
    }),
    z.strictObject({ type: z.literal('mpnews'), kfAccount, mediaId: filled }),
    z.strictObject({ type: z.literal('mpnewsarticle'), kfAccount, articleId: filled }),
    z.strictObject({
      ...{ type: z.literal('msgmenu'), kfAccount, head: shown },
      entries: z
        .array(z.strictObject({ id: filled, content: shown }))
        .min(1, both('must hold at least one', '至少要有一个'))
        .meta({
          description: 'What the user may tap; a tap comes back as a text with this id (see `choice`).',
        }),
      tail: shown.optional(),
    }),
    z.strictObject({ type: z.literal('wxcard'), kfAccount, cardId: filled }),
    z.strictObject({
      ...{ type: z.literal('miniprogrampage'), kfAccount },
      ...{ title: shown, appId: filled, pagePath: filled, thumb: media },
    }),
  ],
  { error: both('must be a type of reply', '应是回复的一种类型') },
) satisfies z.ZodType<Reply>;

const said = z.union([
  shown,
  reply,
  z.strictObject({
    handOver: filled.meta({
      description: `Asks for a person; the reason is what agents are told. ${templated}`,
    }),
  }),
]);

const saying = z.union([said, z.array(said)]);
const http = z.strictObject({
  http: filled
    .refine((value) => /^https?:\/\//i.test(value), both('must be an http(s) URL', '应是 http(s) 网址'))
    .meta({ description: 'Leaves the answer to this HTTP service, as REPLIES would name it.' }),
});
const llm = z.strictObject({
  llm: filled.meta({
    description: 'Leaves the answer to the model of this file, relative to the rules file.',
  }),
});
const choice = z.union([saying, http, llm]);

const answer = z
  .union([
    saying,
    http,
    llm,
    z.strictObject({
      oneOf: z
        .array(choice)
        .min(1, both('must hold at least one', '至少要有一个'))
        .meta({ description: 'One of these, by chance; for one message always the same.' }),
    }),
  ])
  .meta({
    description:
      'A text, a reply of any type, or a list of them ([] says nothing); oneOf: one of several by chance; handOver: asks for a person; http, llm: leaves the answer to a service or a model.',
  });

const clockTime = '([01]\\d|2[0-3]):[0-5]\\d';
const hours = text.regex(
  new RegExp(`^${clockTime}-(${clockTime}|24:00)$`),
  both('must be from-to, such as 09:00-18:00', '应是“起-止”，例如 09:00-18:00'),
);

export const weekdayNames = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const day = weekdayNames.join('|');
const weekdays = text.regex(
  new RegExp(`^(${day})(-(${day}))?$`),
  both(
    'must be mon, tue, wed, thu, fri, sat or sun, or a range such as mon-fri',
    '应是 mon、tue、wed、thu、fri、sat、sun 之一，或 mon-fri 这样的范围',
  ),
);

const timeZone = filled.meta({ description: 'A time zone by its IANA name. Default: Asia/Shanghai.' });

const messageTypes = [
  ...['text', 'image', 'voice', 'video', 'shortvideo', 'location', 'link', 'event', 'unknown'],
] as const;

const keyword = z
  .union([
    words,
    z
      .strictObject({
        equals: words.optional().meta({ description: 'The whole text.' }),
        contains: words.optional().meta({ description: 'Somewhere in the text.' }),
        matches: words.optional().meta({
          description:
            'Regular expressions in the syntax of RE2, which takes linear time; (?i) for any case.',
        }),
      })
      .refine(
        (of) => Object.keys(of).length > 0,
        both('must have equals, contains or matches', '应有 equals、contains 或 matches'),
      ),
  ])
  .meta({
    description:
      'What a text is, or what a voice message was recognised as. Short for { equals: … }. Upper or lower case, and full or half width make no difference.',
  });

const when = z
  .strictObject({
    keyword: keyword.optional(),
    choice: words.optional().meta({ description: 'The id of the entry of a msgmenu that was tapped.' }),
    event: words.optional().meta({ description: 'Names of events, such as subscribe.' }),
    click: words
      .optional()
      .meta({ description: 'Keys of menu entries; a * at the end stands for anything.' }),
    scan: words.optional().meta({
      description:
        'Scenes of QR codes, scanned by followers or new ones; a * at the end stands for anything.',
    }),
    type: anyOf(
      z.enum(messageTypes, {
        error: both(`must be one of ${messageTypes.join(', ')}`, `应是 ${messageTypes.join('、')} 之一`),
      }),
    )
      .optional()
      .meta({ description: 'Types of messages.' }),
    hours: anyOf(hours).optional().meta({
      description: 'Times of the day, such as 09:00-18:00; 22:00-06:00 goes over midnight.',
    }),
    weekdays: anyOf(weekdays).optional().meta({ description: 'Days, or ranges such as mon-fri.' }),
    timeZone: timeZone.optional(),
    account: words.optional().meta({ description: 'AppIDs of accounts.' }),
    chance: z
      .number({ error: both('must be a number above 0, 1 at most', '应是大于 0、不超过 1 的数字') })
      .gt(0, both('must be above 0', '应大于 0'))
      .lte(1, both('must be 1 at most', '不能超过 1'))
      .optional()
      .meta({ description: 'In how many of all cases, such as 0.5; for one message always the same.' }),
  })
  .refine((of) => Object.keys(of).length > 0, both('must have at least one condition', '至少要有一个条件'))
  .meta({
    description:
      'All of these must hold. Events reach only rules that name event, click, scan or type: event.',
  });

const rule = z.strictObject({
  name: filled
    .refine((value) => value.length <= 100, both('must have 100 characters at most', '最多 100 个字符'))
    .optional()
    .meta({ description: 'For the log and the metrics. Default: "rule" and its place in the list.' }),
  priority: z
    .int({ error: both('must be a whole number', '应是整数') })
    .optional()
    .meta({ description: 'Higher ones are tried first; equal ones in the order of the file. Default: 0.' }),
  when,
  answer,
});

export const rulesFile = z
  .strictObject({
    timeZone: timeZone.optional(),
    rules: z.array(rule, { error: both('must be a list of rules', '应是规则的列表') }).meta({
      description: 'The first that applies answers, in the order of priority, then of the file.',
    }),
    default: answer.optional().meta({
      description:
        'The answer to a message of a user where no rule applies; not to events. Without it the next source of REPLIES is asked.',
    }),
  })
  .meta({ title: 'Rules of wechat-outbox' });

/** The JSON Schema of the file, for editors. */
export function rulesSchema(): unknown {
  return z.toJSONSchema(rulesFile, { io: 'input' });
}

export type RulesFile = z.infer<typeof rulesFile>;
export type RuleShape = z.infer<typeof rule>;
export type AnswerShape = z.infer<typeof answer>;
export type SayingShape = z.infer<typeof saying>;
