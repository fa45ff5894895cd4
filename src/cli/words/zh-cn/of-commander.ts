/** Commander's own sentences. One that it words anew stays English until it is here. */
const sentences: readonly (readonly [RegExp, string])[] = [
  [/^Usage:/, '用法：'],
  [/^Arguments:$/, '参数：'],
  [/^Options:$/, '选项：'],
  [/^Commands:$/, '命令：'],
  [/^error: unknown command '(.*)'/, '错误：没有命令 $1'],
  [/^error: unknown option '(.*)'/, '错误：没有选项 $1'],
  [/^error: missing required argument '(.*)'/, '错误：缺少参数 <$1>'],
  [/^error: required option '(.*)' not specified/, '错误：缺少必填的选项 $1'],
  [/^error: option '(.*)' argument missing/, '错误：选项 $1 后面缺少值'],
  [/^error: option '(.*)' argument '(.*)' is invalid\. ?/, '错误：选项 $1 的值“$2”无效。'],
  [
    /^error: command-argument value '(.*)' is invalid for argument '(.*)'\. ?/,
    '错误：参数 $2 的值“$1”无效。',
  ],
  [/^error: too many arguments.*: (.*)\.$/m, '错误：多余的参数：$1。'],
  [/Allowed choices are (.*)\.$/m, '可选：$1。'],
  [/\(Did you mean (?:one of )?(.*)\?\)/, '（是不是 $1？）'],
  [/ ?\((choices: .*)\)$/, '（$1）'],
  [/ ?\((default: .*)\)$/, '（$1）'],
  [/ ?\((preset: .*)\)$/, '（$1）'],
  [/choices: /, '可选：'],
  [/default: /, '默认：'],
  [/preset: /, '不写值时：'],
];

export function ofCommander(text: string): string {
  return sentences.reduce((translated, [english, chinese]) => translated.replace(english, chinese), text);
}
