import { createInterface } from 'node:readline';
import type { InputStream } from '../terminal/context.js';
import { accountName, type Stage } from './play.js';

/** What is typed is sent by one more user. */
export function chat({ simulator, screen }: Stage, input: InputStream): void {
  const you = simulator.user(`oYou_${Date.now().toString(36)}`);
  let saidAt = Date.now();
  simulator.onDelivered(({ openid, at, text }) => {
    if (openid === you.openid)
      screen.answered(accountName, text, { at, ms: at - saidAt, attempts: undefined });
  });
  const lines = createInterface({ input });
  lines.on('line', (line) => {
    if (line.trim() === '') return;
    saidAt = Date.now();
    you.say(line).then(
      (result) => screen.said('你', line, result),
      (error) => screen.note(String(error)),
    );
  });
}
