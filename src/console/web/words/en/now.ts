export const now = {
  title: 'now',
} as const;
