import type { Analytics } from '../../../contract/overview.js';
import type { ChartColours } from '../../parts/Chart.vue';

type Series = Analytics['series'];

interface Line {
  name: string;
  colour: string;
  values: (number | null)[];
}

interface Axis {
  labels: string[];
  lines: Line[];
  colours: ChartColours;
  /** How a value is written, at the axis and when pointed at. */
  written(value: number): string;
}

function lineChart({ labels, lines, colours, written }: Axis) {
  return {
    legend: {
      top: 0,
      left: 0,
      icon: 'roundRect',
      itemWidth: 10,
      itemHeight: 3,
      textStyle: { color: colours.text },
    },
    tooltip: {
      trigger: 'axis',
      renderMode: 'richText',
      confine: true,
      valueFormatter: (value: unknown) => shown(value, written),
    },
    xAxis: {
      type: 'category',
      boundaryGap: false,
      data: labels,
      axisLine: { lineStyle: { color: colours.line } },
      axisTick: { show: false },
      axisLabel: { color: colours.text, hideOverlap: true },
    },
    yAxis: {
      type: 'value',
      minInterval: 1,
      splitLine: { lineStyle: { color: colours.line } },
      axisLabel: { color: colours.text, formatter: written },
    },
    series: lines.map(({ name, colour, values }) => ({
      type: 'line',
      name,
      data: values,
      showSymbol: values.length < 3,
      connectNulls: false,
      lineStyle: { width: 2 },
      color: colour,
    })),
  };
}

const shown = (value: unknown, written: (value: number) => string) =>
  typeof value === 'number' ? written(value) : '–';

export interface ChartWords {
  label(at: string): string;
  number(value: number): string;
  duration(ms: number): string;
  names: { users: string; messages: string; sent: string; failed: string; p50: string; p95: string };
}

export const volumeChart = (series: Series, words: ChartWords) => (colours: ChartColours) =>
  lineChart({
    labels: series.map((one) => words.label(one.at)),
    colours,
    written: words.number,
    lines: [
      { name: words.names.messages, colour: colours.busy, values: series.map((one) => one.messages) },
      { name: words.names.sent, colour: colours.good, values: series.map((one) => one.sent) },
      { name: words.names.users, colour: colours.still, values: series.map((one) => one.users) },
      { name: words.names.failed, colour: colours.bad, values: series.map((one) => one.failed) },
    ],
  });

export const latencyChart = (series: Series, words: ChartWords) => (colours: ChartColours) =>
  lineChart({
    labels: series.map((one) => words.label(one.at)),
    colours,
    written: words.duration,
    lines: [
      { name: words.names.p50, colour: colours.busy, values: series.map((one) => one.p50Ms) },
      { name: words.names.p95, colour: colours.warn, values: series.map((one) => one.p95Ms) },
    ],
  });
