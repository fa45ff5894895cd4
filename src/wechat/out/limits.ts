/** The limits of one call of WeChat's API, in ms. What must outlast a call is measured by them. */
export const callLimits = {
  connectMs: 3_000,
  /** For the response, once the request is written. */
  responseMs: 10_000,
} as const;

export const longestCallMs = callLimits.connectMs + callLimits.responseMs;
