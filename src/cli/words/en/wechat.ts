import { count } from '../measures.js';

/** Of the commands that ask WeChat of an account. */
export const wechat = {
  api: {
    notInSettings: (appId: string) =>
      `Account ${appId} is not in the settings: its secret is needed to ask WeChat`,
    severalAccounts: (appIds: string) => `Say --account: the settings have ${appIds}`,
  },
  menu: {
    heading: (appId: string, from: 'api' | 'console' | 'none') =>
      `The menu of ${appId}, ${{ api: 'as it is at WeChat', console: "as it was made in WeChat's console", none: 'which has none' }[from]}.`,
    leftOut: (menus: number) =>
      `Left out: ${count(menus, 'conditional menu')} by sex, region or language, which WeChat shows to nobody any more.`,
    answeredByConsole:
      'Buttons that the console answers have a key here; "wechat-outbox rules import" writes rules that answer them.',
    answered: (type: string, value: string) => `In the console: ${type}${value === '' ? '' : `, ${value}`}`,
    overwriteIsFile: '--overwrite is for a file',
    pulled: (appId: string, file: string, from: 'api' | 'console' | 'none') =>
      `${from === 'none' ? `${appId} has no menu` : `the menu of ${appId}`}: ${file}`,
    is: {
      api: '- as it is at WeChat, + as the file has it:',
      console: "- as it was made in WeChat's console, + as the file has it:",
      none: 'There is no menu at WeChat; + as the file has it:',
    },
    onlyMadeAnew: '  the same; a push makes it by API, so that it shows with the server configuration on',
    same: (appId: string) => `the menu of ${appId} is that of the file`,
    question: (appId: string, steps: number, isDelete: boolean) =>
      isDelete
        ? `Delete the menu of ${appId}, and all conditional ones?`
        : `Change the menu of ${appId}, in ${count(steps, 'call')}?`,
    pushed: (appId: string) => `done: users of ${appId} see it within 5 minutes`,
  },
  rulesImport: {
    heading: (appId: string) => `The automatic replies that ${appId} had in WeChat's console.`,
    off: 'The console has them switched off, as it does with the server configuration on.',
    none: (appId: string) => `${appId} has no automatic replies in WeChat's console`,
    subscribe: 'new follower',
    click: (name: string) => `menu: ${name}`,
    oncePerHour: 'The console sent this to a user once in an hour at most; a rule answers each time.',
    kinds: { image: 'a picture', voice: 'a voice message', video: 'a video' },
    greyPicture: (file: string) =>
      `WeChat hands out no picture for the video, which sending it needs: ${file} is a grey one, put yours in its place.`,
    severalArticles: (articles: number) =>
      `${count(articles, 'article')}: WeChat takes one a message, and counts each against the five that may be sent.`,
    missing: {
      file: (kind: string, why: string) => `Missing, ${kind}: ${why}.`,
      news: 'An article is missing: WeChat names none.',
      other: (type: string) => `A reply of the type "${type}" is missing: it cannot be had by API.`,
      rule: (name: string) => `The rule "${name}" is missing: nothing of its reply can be had by API.`,
      keywords: (name: string) => `The rule "${name}" is missing: it has no keywords.`,
    },
    done: (rules: number, output: string, files: number) =>
      `${count(rules, 'rule')} in ${output}${files > 0 ? `, ${count(files, 'file')} beside it` : ''}`,
    missed: (missing: number) => `; ${missing} not to be had by API, each named in the file`,
  },
};
