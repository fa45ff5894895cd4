export const message = {
  title: 'message',
} as const;
