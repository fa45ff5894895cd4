import { clockOf, firstOf, keysOf, weekdayOf } from './conditions.js';
import type { RulesWords } from './forms.js';

const weekdays = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];

export const rules: RulesWords = {
  unmet: {
    accounts: ({ when, subject }) => `It is for ${firstOf(when.accounts)}, and this is ${subject.appId}`,
    isEvent: () => 'This is an event, and those reach only rules that name event, click, scan or type: event',
    events: ({ when }) => `It waits for the event ${firstOf(when.events)}`,
    clicks: ({ when }) => `It waits for a click on ${keysOf(when.clicks)}`,
    scans: ({ when }) => `It waits for a scan of ${keysOf(when.scans)}`,
    choices: ({ when }) => `It waits for a tap on ${firstOf(when.choices)} in a menu message`,
    types: ({ when, subject }) => `It is for ${firstOf(when.types)}, and this is ${subject.type}`,
    time: ({ when, subject }) => {
      const zone = when.time?.timeZone ?? '';
      return `Not at this time: in ${zone} it is ${weekdays[weekdayOf(zone, subject)]}, ${clockOf(zone, subject)}`;
    },
    keyword: ({ subject }) =>
      subject.text === undefined
        ? 'It looks for words, and there are none'
        : 'None of its words and expressions is in the text',
    chance: ({ when }) => `Left to chance (${when.chance}): not this time`,
  },
  byDefault: 'default',
  nothing: 'It says nothing',
  handOver: (reason) => `A person is asked for: ${reason}`,
  leftTo: (source) =>
    source.kind === 'http'
      ? `The answer is left to the service ${source.url}`
      : `The answer is left to the model of ${source.file}`,
};
