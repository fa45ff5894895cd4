import { Document, isMap } from 'yaml';
import { z } from 'zod';
import { both } from '../../lib/language.js';
import { problemsOf, type RulesProblem, readPlaced } from '../../replies/rules/places.js';
import { abolishedConditions, type Button, isObject, type Menu, tidyButton, tidyRule } from './menu.js';

export type ParsedMenu =
  | { readonly ok: true; readonly menu: Menu }
  | { readonly ok: false; readonly problems: readonly RulesProblem[] };

/** WeChat counts bytes of UTF-8: a Chinese character has three. */
function atMost(bytes: number) {
  return z
    .string({
      error: ({ input }) =>
        input === undefined ? both('is missing', '没有写') : both('must be text', '应是文字'),
    })
    .refine((value) => value.trim() !== '', both('must not be empty', '不能为空'))
    .refine((value) => Buffer.byteLength(value) <= bytes, {
      error: ({ input }) =>
        both(
          `has ${Buffer.byteLength(String(input))} bytes of UTF-8, and WeChat takes ${bytes} at most`,
          `有 ${Buffer.byteLength(String(input))} 个字节（UTF-8），微信最多接受 ${bytes} 个`,
        ),
    });
}

const key = atMost(128);
const url = atMost(1_024).refine(
  (value) => /^https?:\/\/[^/]/i.test(value),
  both('must be an http(s) URL', '应是 http(s) 网址'),
);
const id = atMost(1_024);

/** What each type must have. Source: the page of menu/create. */
function leaf(maxNameBytes: number) {
  const name = atMost(maxNameBytes);
  const keyed = (type: string) => z.strictObject({ name, type: z.literal(type), key });
  return z.discriminatedUnion(
    'type',
    [
      keyed('click'),
      z.strictObject({ name, type: z.literal('view'), url }),
      z.strictObject({ name, type: z.literal('miniprogram'), url, appid: id, pagepath: id }),
      keyed('scancode_push'),
      keyed('scancode_waitmsg'),
      keyed('pic_sysphoto'),
      keyed('pic_photo_or_album'),
      keyed('pic_weixin'),
      keyed('location_select'),
      z.strictObject({ name, type: z.literal('media_id'), media_id: id }),
      z.strictObject({ name, type: z.literal('view_limited'), media_id: id }),
      z.strictObject({ name, type: z.literal('article_id'), article_id: id }),
      z.strictObject({ name, type: z.literal('article_view_limited'), article_id: id }),
    ],
    {
      error: both(
        'must be click, view, miniprogram, scancode_push, scancode_waitmsg, pic_sysphoto, pic_photo_or_album, pic_weixin, location_select, media_id, view_limited, article_id or article_view_limited',
        '应是 click、view、miniprogram、scancode_push、scancode_waitmsg、pic_sysphoto、pic_photo_or_album、pic_weixin、location_select、media_id、view_limited、article_id、article_view_limited 之一',
      ),
    },
  );
}

const maxTopBytes = 16;
const maxBelowBytes = 60;

const opens = z.strictObject({
  name: atMost(maxTopBytes),
  sub_button: z
    .array(leaf(maxBelowBytes), { error: both('must be a list of buttons', '应是按钮的列表') })
    .min(1, both('must hold at least one', '至少要有一个'))
    .max(5, both('holds more than five buttons, which WeChat does not take', '超过五个按钮，微信不接受')),
});
const acts = leaf(maxTopBytes);

/** What has sub_button is judged as such: a union would guess. */
const button = z.unknown().transform((value, context): z.infer<typeof opens> | z.infer<typeof acts> => {
  const shape = isObject(value) && value.sub_button !== undefined ? opens : acts;
  const parsed = shape.safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  context.issues.push(...(parsed.error.issues as z.core.$ZodRawIssue[]));
  return z.NEVER;
});

const buttons = z
  .array(button, { error: both('must be a list of buttons', '应是按钮的列表') })
  .max(3, both('holds more than three buttons, which WeChat does not take', '超过三个按钮，微信不接受'));

const matchrule = z
  .looseObject({ tag_id: id.optional(), client_platform_type: id.optional() })
  .superRefine((rule, context) => {
    for (const name of Object.keys(rule)) {
      const problem = problemOf(name);
      if (problem) context.addIssue({ code: 'custom', path: [name], message: problem });
    }
    if (Object.keys(rule).length === 0)
      context.addIssue({
        code: 'custom',
        message: both(
          'must have tag_id, client_platform_type or both',
          '应有 tag_id、client_platform_type 之一或两者',
        ),
      });
    if (!/^[123]$/.test(rule.client_platform_type ?? '1'))
      context.addIssue({
        ...{ code: 'custom', path: ['client_platform_type'] },
        message: both(
          'must be 1 (iOS), 2 (Android) or 3 (others)',
          '应是 1（iOS）、2（Android）或 3（其他）',
        ),
      });
  });

function problemOf(name: string): string | undefined {
  if (abolishedConditions.some((one) => one === name))
    return both(
      'is no longer a condition: WeChat takes tag_id and client_platform_type',
      '不再是条件：微信只接受 tag_id 和 client_platform_type',
    );
  return name === 'tag_id' || name === 'client_platform_type'
    ? undefined
    : both('is no condition that WeChat knows', '不是微信的条件');
}

/** To so many hosts all conditional menus together may lead. */
const maxHosts = 3;

const menuFile = z
  .strictObject({
    button: buttons,
    conditionalmenu: z
      .array(
        z.strictObject({ matchrule, button: buttons.min(1, both('must hold at least one', '至少要有一个')) }),
        {
          error: both('must be a list of menus', '应是菜单的列表'),
        },
      )
      .optional(),
  })
  .superRefine(({ button: all, conditionalmenu = [] }, context) => {
    const problem = (message: string) =>
      context.addIssue({ code: 'custom', path: ['conditionalmenu'], message });
    if (conditionalmenu.length > 0 && all.length === 0)
      problem(both('needs a menu for everybody else, in button', '还要有给其他人的菜单，写在 button 里'));
    const hosts = new Set(conditionalmenu.flatMap((one) => hostsOf(one.button)));
    if (hosts.size > maxHosts)
      problem(
        both(
          `leads to ${hosts.size} hosts, and WeChat takes ${maxHosts}: ${[...hosts].join(', ')}`,
          `通向 ${hosts.size} 个域名，微信最多接受 ${maxHosts} 个：${[...hosts].join('、')}`,
        ),
      );
  });

/** Reads a menu in YAML (or JSON, as for menu/create), and checks all that WeChat would refuse of it by its form. */
export function parseMenuFile(content: string): ParsedMenu {
  const file = readPlaced(content);
  if (file.problems.length > 0) return { ok: false, problems: file.problems };
  const parsed = menuFile.safeParse(file.content, { reportInput: true });
  if (!parsed.success) return { ok: false, problems: problemsOf(parsed.error, file) };
  const { conditionalmenu = [] } = parsed.data;
  return {
    ok: true,
    menu: {
      button: parsed.data.button.map(tidyButton),
      conditionalmenu: conditionalmenu.map((one) => ({
        matchrule: tidyRule(one.matchrule),
        button: one.button.map(tidyButton),
      })),
    },
  };
}

/** @param notes of a button of `button`, for whoever reads the file */
export function writeMenuFile(
  { button: all, conditionalmenu }: Menu,
  {
    heading = [],
    notes = new Map(),
  }: { heading?: readonly string[]; notes?: ReadonlyMap<Button, string> } = {},
): string {
  const document = new Document({
    button: all,
    ...(conditionalmenu.length === 0 ? {} : { conditionalmenu }),
  });
  if (heading.length > 0) document.commentBefore = heading.map((line) => ` ${line}`).join('\n');
  all.forEach((one, place) => {
    comment(document, ['button', place], notes.get(one));
    one.sub_button?.forEach((below, at) => {
      comment(document, ['button', place, 'sub_button', at], notes.get(below));
    });
  });
  return document.toString({ lineWidth: 0 });
}

function comment(document: Document, path: readonly unknown[], note: string | undefined): void {
  const node = document.getIn(path, true);
  if (note !== undefined && isMap(node)) node.commentBefore = note.replace(/^/gm, ' ');
}

function hostsOf(all: readonly Button[]): string[] {
  return all.flatMap(({ url: to = '', sub_button = [] }) => [
    ...(URL.canParse(to) ? [new URL(to).host] : []),
    ...hostsOf(sub_button),
  ]);
}
