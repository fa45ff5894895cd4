import { createRouter } from 'wechat-outbox';

/** Of a bookshop; `stockOf` looks up how many copies of a book are left. */
export const createReplies = ({ stockOf }) =>
  createRouter()
    .subscribe(({ message }) => (message.scene ? `欢迎来自${message.scene}的朋友！` : '欢迎！'))
    .click('HOURS', () => '周一至周五 9:00–18:00')
    .text(/^还有《(.+)》吗/, async (_context, [, title]) => {
      const stock = await stockOf(title);
      return stock > 0 ? [`《${title}》还有 ${stock} 本。`, '要为您留一本吗？'] : `《${title}》卖完了。`;
    })
    .otherwise(() => undefined);
