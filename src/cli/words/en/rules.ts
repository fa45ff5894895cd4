import { count } from '../measures.js';

/** Of `wechat-outbox rules`. */
export const rules = {
  columns: { id: 'version', at: 'at', origin: 'from', operator: 'by', note: 'why' },
  inForce: 'in force',
  inOrder: (file: string, rules: number) => `${file} is in order: ${count(rules, 'rule')}`,
  modelInOrder: (file: string) => `${file} is in order: a model`,
  noFiles: 'REPLIES names neither rules nor a model: name a file',
  unreadable: (file: string, why: string) => `${file} cannot be read: ${why}`,
  sayWhat: 'Say what the user does: a text, --type, --event, --click or --scan',
  thisAccount: 'the account',
  none: 'There are no rules in force: the service was never started with REPLIES=rules.yaml on this database; --file tests a file',
  noName: (name: string) => `No rules of the name ${name} are in force`,
  noVersion: (id: string) => `There is no version ${id} of rules`,
  sayWhich: (names: string) => `Say --name, one of ${names}`,
  changedMeanwhile: (name: string) => `${name} was changed by somebody else at the same moment: look again`,
  restored: (name: string, id: string, version: string) =>
    `${name} is as in version ${id} again, as version ${version}; every process takes it up within seconds`,
  restoredNote: (id: string) => `as in version ${id}`,
  place: (name: string, line: number) => `${name} (line ${line})`,
  hidden: (rules: number) =>
    `${count(rules, 'rule')} before these would not answer, either; --all shows them`,
  byDefault: 'the default',
  noAnswer: 'No rule would answer: the next source of REPLIES is asked, if there is one',
  leftTo: (source: string) => `left to ${source}`,
  handsOver: (reason: string) => `asks for a person: ${reason}`,
  silence: 'says nothing',
  weekdays: ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'],
  unmetTime: (weekday: string, clock: string, zone: string) => `it is ${weekday}, ${clock} in ${zone}`,
  unmet: {
    keyword: 'no word or expression of it is in the text',
    choices: 'no such entry of a menu message was tapped',
    events: 'it is about another event',
    clicks: 'it is about another menu entry',
    scans: 'it is about another QR code',
    types: 'it is about another type of message',
    accounts: 'it is for another account',
    chance: 'its chance did not come up for this message',
    isEvent: 'it is about messages, and this is an event',
  },
};
