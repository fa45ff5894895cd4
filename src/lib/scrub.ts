/**
 * What must not be seen although it stands in the middle of a text: passwords in URLs, secrets in query strings. Bounded,
 * so that a long text of a stranger costs no more than its length.
 */
const secretsInText: readonly [RegExp, string][] = [
  [/([a-z]{1,20}:\/\/)[^\s/@]{1,1000}@/gi, '$1[hidden]@'],
  [/\b(password|secret|access_token|appsecret|ticket|signature)=[^\s&"']+/gi, '$1=[hidden]'],
  // The same in a URL inside of a URL, and in JSON, also as a string inside of JSON.
  [/(password|secret|access_token|appsecret|ticket|signature)%3D[^\s&"'%]+/gi, '$1%3D[hidden]'],
  [
    /(\\*"(?:password|secret|access_token|appsecret|ticket|signature)\\*"\s{0,20}:\s{0,20}\\*")[^\s"\\]+/gi,
    '$1[hidden]',
  ],
];

/** For texts of others (errors of drivers, answers of servers) on their way to a log or a health page. */
export function scrub(text: string): string {
  return secretsInText.reduce((scrubbed, [pattern, instead]) => scrubbed.replace(pattern, instead), text);
}
