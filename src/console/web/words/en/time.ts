export const time = {
  ms: '{a} ms',
  s: '{a} s',
  minS: '{a} min {b} s',
  hMin: '{a} h {b} min',
  dH: '{a} d {b} h',
} as const;
