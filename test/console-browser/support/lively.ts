import type { Replies } from '../../../src/index.js';
import { settled } from '../../support/stage.js';
import { type House, openHouse } from './house.js';

/** Runs where it is taken for HTML, and says so. */
export const markup = `<img src=x onerror="window.__xss=1"><script>window.__xss=1</script>{{7*7}}`;
/** Where it is taken for an address. */
export const address = 'javascript:window.__xss=1//';

const replies: Replies = (context) => {
  const { message } = context;
  if (message.kind !== 'text') return null;
  if (message.content.startsWith('bug')) throw new Error(`a bug ${markup}`);
  if (message.content.startsWith('person')) context.handOver(`a person ${markup}`);
  return `answer to ${message.content}`;
};

/** The user who said and did all that there is. */
export const talker = 'oTalker';
/** The one who waits for a person. */
export const waiter = 'oWaiter';
/** WeChat says what users are called; nobody else does. */
export const strange = 'o<b onclick="window.__xss=1">x</b>';

/** A house in which something of everything happened, with markup wherever a user, WeChat or a colleague may write. */
export async function openLivelyHouse(): Promise<House> {
  const house = await openHouse({ replies, settings: { WECHAT_ACCOUNT_NAME: `Shop ${markup}` } });
  const { simulator, database, account } = house;
  await house.addUser('ada', 'admin', `Ada ${markup}`);
  await house.addUser('bert', 'agent');
  const user = simulator.user(talker);
  await user.subscribe({ scene: markup });
  await user.say(`hello ${markup}`);
  await user.click(markup);
  await user.scan(markup);
  await user.location({ latitude: 31.2, longitude: 121.4, label: markup });
  await user.link({ title: markup, description: markup, url: address });
  await user.image({ picUrl: address });
  await user.voice({ recognition: markup });
  await user.event('VIEW', { EventKey: address });
  await user.event(`odd${markup}`.slice(0, 60), { EventKey: markup });
  simulator.faults.add({ openid: talker, fault: { errcode: 40003, errmsg: `refused ${markup} rid: 1-2-3` } });
  await user.say('and again');
  await simulator.user(strange).say('who am I?');
  await simulator.user(waiter).say('person, please');
  await settled(database, 13);
  await simulator.user(waiter).say(`waiting ${markup}`);
  await simulator.user('oBug').say('bug');
  await database.rows(`insert into wechat.saved_answer (title, text, updated_by) values ($1, $1, $1)`, [
    markup,
  ]);
  await database.rows(`select wechat.change_rules('markup.yaml', $1, null, $2, 'cli')`, [
    ...[`# ${markup}\nrules: []\n`, markup],
  ]);
  await database.rows('select wechat.record_action($1, $2, $3, 1)', [
    ...[`act ${markup}`.slice(0, 60), account.appId, JSON.stringify({ note: markup })],
  ]);
  return house;
}
