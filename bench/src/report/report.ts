/** Formats the results as Markdown, for the terminal and for the docs. */
import type { Check } from '../checks.ts';
import type { Measurement } from '../measure.ts';
import { multipliedWeights } from '../model/model-shape.ts';
import { ratioOf } from '../ratios.ts';
import type { BenchResults, Run } from '../results.ts';
import { scenarioNames } from '../scenarios.ts';
import { median, summarize } from '../statistics.ts';
import { formatNumber, markdownTable } from './table.ts';

export const reportOf = (results: BenchResults): string =>
  [
    machineLine(results),
    '## Tokens per second\n',
    throughputTable(results.measurements, 'batched int8'),
    ...results.missing.map((reason) => `\n${reason}`),
    '\n## Targets\n',
    checkTable(results.checks),
    '\n## Cost of a step, int8\n',
    stepTable(results),
    '\n## The machine’s limits, and the share that the engine reaches\n',
    limitTable(results),
    `\n${memoryLine(results)}`,
  ].join('\n');

export function machineLine({ machine, engine }: Run): string {
  const { cpu, cores, memoryGiB, system, node, instructions } = machine;
  return `${cpu} (${instructions.join(', ')}), ${cores} cores, ${memoryGiB} GiB, ${system}, Node ${node}; batched ${engine}.\n`;
}

/** @param ours  The contestant with which the others are compared. */
export function throughputTable(measurements: readonly Measurement[], ours: string): string {
  const rows = measurements.map(({ scenario, contestant, rounds, stolen }) => {
    const { median: middle, min, max } = summarize(rounds);
    const ratio = ratioOf(measurements, { scenario, ours, others: [contestant] });
    return [
      scenario,
      contestant,
      formatNumber(middle),
      `${formatNumber(min)}–${formatNumber(max)}`,
      `${ratio.toFixed(1)}×`,
      `${(100 * Math.max(...stolen)).toFixed(1)} %`,
    ];
  });
  const head = ['scenario', 'engine', 'tokens/s, median', 'range', `${ours} is faster`, 'stolen, at most'];
  return markdownTable([head, ...rows]);
}

export function checkTable(checks: readonly Check[]): string {
  const rows = checks.map(({ name, target, measured, holds }) => [name, target, measured, verdict(holds)]);
  return markdownTable([['measure', 'target', 'measured', 'holds'], ...rows]);
}

function verdict(holds: boolean | null): string {
  if (holds === null) return '–';
  return holds ? 'yes' : '**no**';
}

function stepTable({ stepCosts }: BenchResults): string {
  const rows = stepCosts.map(({ texts, context, msPerStep, tokensPerSecond }) => [
    String(texts),
    String(context),
    msPerStep.toFixed(2),
    (msPerStep / texts).toFixed(3),
    formatNumber(tokensPerSecond),
  ]);
  return markdownTable([['texts', 'context', 'ms/step', 'ms/token', 'tokens/s'], ...rows]);
}

function limitTable({ limits, measurements, stepCosts }: BenchResults): string {
  const rate = (scenario: string, contestant: string): number =>
    median(measurements.find((entry) => entry.scenario === scenario && entry.contestant === contestant)?.rounds ?? []);
  const decode = Math.max(...stepCosts.filter(({ texts }) => texts === 32).map((cost) => cost.tokensPerSecond));
  const operations = 2 * multipliedWeights;
  const { single, queue32 } = scenarioNames;
  const { int8Gops, fp32Gflops, memoryGBs } = limits;
  return markdownTable([
    ['limit', 'measured', 'the engine', 'reaches', 'share'],
    limitRow('int8 GOP/s', int8Gops, 'int8, decoding 32 short texts', giga(decode, operations)),
    limitRow(
      'int8 GOP/s',
      int8Gops,
      'int8, full queue of 32, new tokens only',
      giga(rate(queue32, 'batched int8'), operations),
    ),
    limitRow(
      'fp32 GFLOP/s',
      fp32Gflops,
      'fp32, full queue of 32, new tokens only',
      giga(rate(queue32, 'batched fp32'), operations),
    ),
    limitRow(
      'memory GB/s',
      memoryGBs,
      'int8, single stream, weights read',
      giga(rate(single, 'batched int8'), multipliedWeights),
    ),
    limitRow(
      'memory GB/s',
      memoryGBs,
      'fp32, single stream, weights read',
      giga(rate(single, 'batched fp32'), 4 * multipliedWeights),
    ),
  ]);
}

const giga = (tokensPerSecond: number, perToken: number): number => (tokensPerSecond * perToken) / 1e9;

const limitRow = (limit: string, most: number, what: string, reached: number): readonly string[] => [
  limit,
  formatNumber(most),
  what,
  formatNumber(reached),
  `${((reached / most) * 100).toFixed(0)} %`,
];

function memoryLine({ memory }: BenchResults): string {
  if (memory === null) return 'Memory is measured on Linux only.';
  const samples = memory.overTimeMB.map((value) => value.toFixed(0)).join(', ');
  return `Memory of the int8 engine’s process after every 1,000 of 10,000 steps: ${samples} MB.`;
}
