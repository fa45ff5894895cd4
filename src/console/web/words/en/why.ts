export const why = {
  title: 'why',
} as const;
