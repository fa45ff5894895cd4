import type { Judged } from './report.ts';

const [width, rowHeight, left, right] = [900, 34, 380, 90];
/** Ratios from a tenth to a hundredfold, a decade as wide as the other. */
const [lowest, highest] = [0.1, 100];

/** The ratios to the baselines as an SVG: a bar each, with a mark at what must be reached. */
export function picture(measures: readonly Judged[], caption: string): string {
  const shown = measures.filter(({ ratio }) => ratio !== undefined);
  const height = rowHeight * shown.length + 90;
  const x = (ratio: number) => {
    const share =
      Math.log10(Math.min(Math.max(ratio, lowest), highest) / lowest) / Math.log10(highest / lowest);
    return left + share * (width - left - right);
  };
  const ticks = [0.1, 0.5, 1, 2, 5, 10, 50, 100].map(
    (ratio) =>
      `<line x1="${x(ratio)}" y1="40" x2="${x(ratio)}" y2="${height - 45}" stroke="${ratio === 1 ? '#888' : '#ddd'}"/>` +
      `<text x="${x(ratio)}" y="${height - 28}" text-anchor="middle" fill="#666">${ratio}x</text>`,
  );
  const bars = shown.map(({ name, baseline, ratio = 0, goal, isReached }, index) => {
    const y = 48 + index * rowHeight;
    const mark =
      goal && goal.kind !== 'at-most'
        ? `<line x1="${x(goal.value)}" y1="${y - 3}" x2="${x(goal.value)}" y2="${y + 23}" stroke="#000" stroke-width="2"/>`
        : '';
    return (
      `<text x="${left - 10}" y="${y + 9}" text-anchor="end">${escapeXml(name)}</text>` +
      `<text x="${left - 10}" y="${y + 22}" text-anchor="end" fill="#777" font-size="10">against ${escapeXml(baseline?.name ?? '')}</text>` +
      `<rect x="${x(lowest)}" y="${y}" width="${Math.max(1, x(ratio) - x(lowest))}" height="20" fill="${isReached === false ? '#d9534f' : '#07c160'}"/>${mark}` +
      `<text x="${x(ratio) + 6}" y="${y + 15}">${ratio.toFixed(2)}</text>`
    );
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
<text x="20" y="24" font-size="15">wechat-outbox: times as fast as the baseline of the same run; the black mark must be reached</text>
${ticks.join('\n')}
${bars.join('\n')}
<text x="20" y="${height - 8}" fill="#777" font-size="10">${escapeXml(caption)}</text>
</svg>
`;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
