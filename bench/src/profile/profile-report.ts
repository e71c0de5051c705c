/** Formats the profile as Markdown. */
import { formatNumber, markdownTable } from '../report/table.ts';
import { sum } from '../statistics.ts';
import type { ProfiledRun } from './profile-engine.ts';
import type { Run } from './recorded-session.ts';
import type { StepSplit } from './split-profile.ts';

const weights = 'matrix multiplications of the weights';
/** Operators that take less time are left out. */
const smallestMs = 0.02;

/**
 * Compares the nodes' time with a step without profiling. Profiling takes time, mostly between the nodes, so the share
 * is slightly too high.
 */
export function weightsShareOf(plain: ProfiledRun, { splits, runs }: ProfiledRun): number {
  const ofWeights = sum(splits.map(({ nodes }) => nodes.get(weights) ?? 0));
  return ofWeights / runs.length / (plain.ms / plain.runs.length);
}

/**
 * @param plain     A run without a profile of the nodes, for the true times.
 * @param profiled  A run with a profile of the nodes.
 */
export function profileReport(plain: ProfiledRun, profiled: ProfiledRun, weightsShare: number): string {
  const { splits } = profiled;
  const steps = profiled.runs.length;
  const inRuns = sum(profiled.runs.map(({ begin, end }) => end - begin));
  const rows = [...(splits[0]?.nodes.keys() ?? [])].map((group) => ({
    name: group,
    parts: splits.map(({ nodes }) => nodes.get(group) ?? 0),
  }));
  rows.push({ name: 'rest of run()', parts: splits.map(({ restOfRun }) => restOfRun) });
  const outside = profiled.ms - inRuns;
  const total = profiled.ms;
  return [
    `Full queue of 32 texts of mixed lengths, int8: ${steps} steps, of which ${stepsOf('prompts', profiled)} had prompts. The columns "decode" and "with prompts" are milliseconds of that kind of step, divided by the number of all steps.\n`,
    markdownTable([
      ['', 'decode', 'with prompts', 'both', 'share'],
      ...rows.map(({ name, parts }) =>
        [name].concat(
          [...parts, sum(parts)].map((part) => (part / steps).toFixed(2)),
          percent(sum(parts), total),
        ),
      ),
      ['JavaScript outside run()', '', '', (outside / steps).toFixed(2), percent(outside, total)],
      ['all', '', '', (total / steps).toFixed(2), '100 %'],
    ]),
    '',
    `The matrix multiplications of the weights take ${percent(weightsShare, 1)} of a step without the profile (target: at least 60 %).`,
    timeLine('Without the profile of the nodes', plain),
    timeLine('With the profile of the nodes', profiled),
    '\nBy operator, milliseconds per step:\n',
    operatorTable(splits, steps),
  ].join('\n');
}

function timeLine(what: string, { runs, ms }: Pick<ProfiledRun, 'runs' | 'ms'>): string {
  const steps = runs.length;
  const ofKind = (kind: string): number =>
    sum(runs.filter((run) => run.kind === kind).map(({ begin, end }) => end - begin));
  const [decode, prompts] = [ofKind('decode'), ofKind('prompts')];
  const parts = [ms, decode, prompts, ms - decode - prompts].map((value) => (value / steps).toFixed(2));
  return `${what}: ${parts[0]} ms a step (decode ${parts[1]}, with prompts ${parts[2]}, JavaScript outside run() ${parts[3]}).`;
}

function operatorTable(splits: readonly StepSplit[], steps: number): string {
  const names = [...new Set(splits.flatMap(({ operators }) => [...operators.keys()]))];
  const rows = names
    .map((name) => ({ name, parts: splits.map(({ operators }) => (operators.get(name) ?? 0) / steps) }))
    .filter(({ parts }) => sum(parts) >= smallestMs)
    .toSorted((a, b) => sum(b.parts) - sum(a.parts));
  return markdownTable([
    ['operator', 'decode', 'with prompts'],
    ...rows.map(({ name, parts }) => [name].concat(parts.map((part) => part.toFixed(3)))),
  ]);
}

const stepsOf = (kind: Run['kind'], { runs }: ProfiledRun): number => runs.filter((run) => run.kind === kind).length;
const percent = (part: number, whole: number): string => `${formatNumber((part / whole) * 100)} %`;
