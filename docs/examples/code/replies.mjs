import { createRouter } from 'wechat-outbox';

// REPLIES=./replies.mjs MERGE_WITHIN=3 USER_LIMIT=20/1m WORDS_FILE=words.yaml

export const replies = createRouter()
  // Placed once, however often this runs: after an error, or by another process after a crash.
  .text(/^下单 (\S+)$/, async ({ once, state }, match) => {
    const { number } = await once('place the order', () => placeOrder(match[1]));
    await state.set({ lastOrder: number });
    return `订单 ${number} 已下。`;
  })
  .text('我的订单', async ({ state }) => {
    const stored = await state.get();
    return stored ? `最近的订单：${stored.value.lastOrder}` : '还没有订单。';
  })
  .text('我说过什么', async ({ history }) => {
    const turns = await history({ turns: 20 });
    return (
      turns.flatMap(({ from, text }) => (from === 'user' && text ? [text] : [])).join('、') || '还没有。'
    );
  })
  .text('人工', ({ handOver }) => {
    handOver('用户要找人工');
    return '正在转接，请稍候。';
  })
  // What was sent within MERGE_WITHIN is answered at once.
  .text(({ messages }) => `收到 ${messages.length} 条：${messages.map(({ content }) => content).join(' ')}`);

/** Before a reply is stored: phone numbers do not leave. */
export const beforeSend = (reply) =>
  reply.type === 'text' ? reply.content.replace(/\b1[3-9]\d{9}\b/g, '***') : undefined;

/** Stands for a shop's API. */
async function placeOrder(article) {
  return { number: `${article}-${Math.random().toString(36).slice(2, 8)}` };
}
