import type { Judged } from '../bench/report.ts';
import { median } from '../bench/statistics.ts';
import { toText } from '../capacity/report.ts';
import type { Language } from '../capacity/words.ts';

/** What the benchmark `peers` left, as it stands in `bench-results`. */
export interface Run {
  machine: string;
  measures: readonly Judged[];
}

const chinese: Readonly<Record<string, string>> = {
  'ingress, one process': '接入，一个进程',
  'push to result, one process': '从推送到有结果，一个进程',
  'a transaction a message': '每条消息一个事务',
  'stores nothing': '不入库',
  'fsync always': '每次刷盘',
  'fsync everysec': '每秒刷盘',
};

const heads: Readonly<Record<Language, readonly string[]>> = {
  en: ['measure', 'product', 'beside it', 'ratio', 'goal'],
  'zh-CN': ['项目', '产品', '对照', '比值', '目标'],
};

const isOfPeers = ({ name }: Judged) => name.endsWith('one process') && name in chinese;

export function peersTable({ measures }: Run, language: Language): string {
  const rows = measures
    .filter((measure) => isOfPeers(measure))
    .map(({ name, values, baseline, ratio, goal }) => [
      translate(name, language),
      `${figure(median(values))}/s`,
      `${figure(median(baseline?.values ?? []))}/s ${translate(baseline?.name ?? '', language)}`,
      ratio?.toFixed(2) ?? '',
      goal ? `≥ ${goal.value}` : '',
    ]);
  return toText([heads[language], ...rows]);
}

export const peersTitles: Readonly<Record<Language, string>> = {
  en: 'A second, one process each: messages stored (dark), answers with their result on record (green)',
  'zh-CN': '每秒，各一个进程：入库的消息（深色），有结果的回复（绿色）',
};
const [width, rowHeight, left, right] = [900, 46, 330, 90];

/** Two bars each: what was stored, and what was answered. */
export function peersPicture({ machine, measures }: Run, language: Language): string {
  const rows = rowsOf(measures.filter((measure) => isOfPeers(measure)));
  const highest = Math.max(...rows.flatMap(({ stored, answered }) => [stored, answered]));
  const wide = (rate: number) => (rate / highest) * (width - left - right);
  const height = 60 + rows.length * rowHeight + 20;
  const bars = rows.map(({ name, stored, answered }, index) => {
    const y = 46 + index * rowHeight;
    const bar = (rate: number, at: number, color: string) =>
      `<rect x="${left}" y="${at}" width="${Math.max(1, wide(rate)).toFixed(1)}" height="15" fill="${color}"/>` +
      `<text x="${(left + wide(rate) + 6).toFixed(1)}" y="${at + 12}">${figure(rate)}</text>`;
    return `<text x="${left - 10}" y="${y + 20}" text-anchor="end">${translate(name, language)}</text>${bar(stored, y, '#2b3a42')}${bar(answered, y + 16, '#07c160')}`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="12">
<title>${peersTitles[language]}</title>
<rect width="100%" height="100%" fill="#fff"/>
<text x="20" y="24" font-size="15">${peersTitles[language]}</text>
${bars.join('\n')}
<text x="20" y="${height - 8}" fill="#777" font-size="10">${machine}</text>
</svg>
`;
}

interface Row {
  name: string;
  stored: number;
  answered: number;
}

function rowsOf(measures: readonly Judged[]): Row[] {
  const rateOf = (unit: string, name?: string) => {
    const measure = measures.find(
      (one) => one.unit === unit && (name === undefined || one.baseline?.name === name),
    );
    return median((name === undefined ? measure?.values : measure?.baseline?.values) ?? []);
  };
  const row = (name: string, key?: string) => ({
    name,
    stored: rateOf('messages/s', key),
    answered: rateOf('answers/s', key),
  });
  const names = [...new Set(measures.flatMap(({ baseline }) => (baseline ? [baseline.name] : [])))];
  return [row('wechat-outbox'), ...names.map((name) => row(name, name))];
}

function translate(text: string, language: Language): string {
  if (language === 'en') return text;
  return Object.entries(chinese).reduce(
    (all, [from, to]) => all.replace(`, ${from}`, `，${to}`).replace(from, to),
    text,
  );
}

function figure(value: number): string {
  return Math.round(value).toLocaleString('en');
}
