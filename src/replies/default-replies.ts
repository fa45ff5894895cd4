import { news, type Reply, text } from '../wechat/out/reply.js';
import { createRouter, type Replies } from './router.js';

export interface DefaultRepliesOptions {
  /** Where the pictures and the downloads are served, without a slash at the end. */
  publicUrl: string;
  /** What users know the account as. */
  accountName: string;
}

/** A new follower, or `tw`, gets the welcome card; any other text the welcome text; the rest nothing. */
export function createDefaultReplies({ publicUrl, accountName }: DefaultRepliesOptions): Replies {
  const android = `${publicUrl}/download/android`;
  const ios = `${publicUrl}/download/ios`;

  const welcomeCard = (): Reply =>
    news(
      { title: `欢迎关注“${accountName}”`, picUrl: `${publicUrl}/weixin/msg/face1.png`, url: publicUrl },
      { title: `“${accountName}”安卓版下载`, picUrl: `${publicUrl}/weixin/msg/jiantou.png`, url: android },
      { title: `“${accountName}”苹果版下载`, picUrl: `${publicUrl}/weixin/msg/jiantou.png`, url: ios },
    );

  const welcomeText = (): Reply =>
    text(`欢迎关注“${accountName}”\n\nAPP下载：<a href="${android}">Android</a>   <a href="${ios}">iOS</a>`);

  const router = createRouter().subscribe(welcomeCard).text('tw', welcomeCard).text(welcomeText);
  return (context) => router.answer(context);
}
