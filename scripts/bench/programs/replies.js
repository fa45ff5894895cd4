/** The reply logic of the benchmarks. */
export const replies = () => 'hello';
