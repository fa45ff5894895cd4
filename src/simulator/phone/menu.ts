import type { MenuButton } from './contract.js';

/** One that has every kind of button that a phone can do something with. */
export const defaultMenu: readonly MenuButton[] = [
  { name: '新书', type: 'click', key: 'new_books' },
  {
    name: '逛逛',
    sub_button: [
      { name: '扫一扫', type: 'scancode_push', key: 'SCAN' },
      { name: '扫码查书', type: 'scancode_waitmsg', key: 'SCAN_BOOK' },
      { name: '拍照或相册', type: 'pic_photo_or_album', key: 'PICTURE' },
      { name: '附近门店', type: 'location_select', key: 'NEARBY' },
    ],
  },
  {
    name: '服务',
    sub_button: [
      { name: '联系客服', type: 'click', key: 'SERVICE' },
      { name: '官网', type: 'view', url: 'https://static.example.com/' },
      { name: '小程序', type: 'miniprogram', pagepath: 'pages/index' },
    ],
  },
];
