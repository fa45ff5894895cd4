import type { wechat as English } from '../en/wechat.js';

export const wechat: typeof English = {
  api: {
    notInSettings: (appId) => `配置里没有公众号 ${appId}：调用微信接口需要它的 AppSecret`,
    severalAccounts: (appIds) => `请用 --account 指明：配置里有 ${appIds}`,
  },
  menu: {
    heading: (appId, from) =>
      `${appId} 的菜单，${{ api: '与微信上的一致', console: '在公众号后台设置的', none: '微信上还没有' }[from]}。`,
    leftOut: (menus) => `略去 ${menus} 个按性别、地区或语言匹配的个性化菜单：微信已不再向任何人显示。`,
    answeredByConsole:
      '由后台回复的按钮在这里改成了带 key 的点击；"wechat-outbox rules import" 会写出回复它们的规则。',
    answered: (type, value) => `后台设置：${type}${value === '' ? '' : `，${value}`}`,
    overwriteIsFile: '--overwrite 用于写入文件',
    pulled: (appId, file, from) => `${from === 'none' ? `${appId} 没有菜单` : `${appId} 的菜单`}：${file}`,
    is: {
      api: '- 微信上现有的，+ 文件里的：',
      console: '- 公众号后台设置的，+ 文件里的：',
      none: '微信上没有菜单；+ 文件里的：',
    },
    onlyMadeAnew: '  内容相同；push 会用接口重新创建，开启服务器配置后仍能显示',
    same: (appId) => `${appId} 的菜单与文件一致`,
    question: (appId, steps, isDelete) =>
      isDelete ? `删除 ${appId} 的菜单和全部个性化菜单？` : `修改 ${appId} 的菜单（${steps} 次调用）？`,
    pushed: (appId) => `完成：${appId} 的用户 5 分钟内会看到`,
  },
  rulesImport: {
    heading: (appId) => `${appId} 在公众号后台设置的自动回复。`,
    off: '后台的自动回复现在是关闭的：开启服务器配置后就会这样。',
    none: (appId) => `${appId} 在公众号后台没有自动回复`,
    subscribe: '新关注',
    click: (name) => `菜单：${name}`,
    oncePerHour: '后台对同一个用户一小时最多回复一次；规则每次都回复。',
    kinds: { image: '图片', voice: '语音', video: '视频' },
    greyPicture: (file) => `发送视频需要封面图，微信没有提供：${file} 是一张灰色图片，请换成自己的。`,
    severalArticles: (articles) => `${articles} 篇文章：微信一条消息只能发一篇，每篇都占用可发的五条。`,
    missing: {
      file: (kind, why) => `缺${kind}：${why}。`,
      news: '缺一篇文章：微信没有说是哪一篇。',
      other: (type) => `缺一条“${type}”类型的回复：接口无法获取。`,
      rule: (name) => `缺规则“${name}”：它的回复都无法通过接口获取。`,
      keywords: (name) => `缺规则“${name}”：它没有关键词。`,
    },
    done: (rules, output, files) =>
      `${output}：${rules} 条规则${files > 0 ? `，旁边有 ${files} 个文件` : ''}`,
    missed: (missing) => `；${missing} 处无法通过接口获取，都写在文件里`,
  },
};
