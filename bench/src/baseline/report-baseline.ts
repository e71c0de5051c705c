/** Formats the comparison with the earlier engine as Markdown. */
import { atLeast, type Check } from '../checks.ts';
import type { Measurement } from '../measure.ts';
import { ratioOf } from '../ratios.ts';
import { checkTable, machineLine, throughputTable } from '../report/report.ts';
import type { ServiceResults } from '../results.ts';
import { baselineScenarios, engineNames } from './measure-baseline.ts';

const targets: Readonly<Record<keyof typeof baselineScenarios, number>> = {
  single: 1.5,
  rows4: 1.1,
  rows8: 1.2,
  rows32: 1.2,
  queue: 1.3,
  prompts: 1.1,
  queueBusy: 1.2,
};

export const reportOfBaseline = (results: ServiceResults<Measurement>): string =>
  [
    machineLine(results),
    throughputTable(results.measurements, engineNames.now),
    '\n## Targets\n',
    checkTable(checksOfBaseline(results.measurements)),
  ].join('\n');

const checksOfBaseline = (measurements: readonly Measurement[]): readonly Check[] =>
  Object.entries(targets).map(([key, target]) => {
    const scenario = baselineScenarios[key as keyof typeof targets];
    const ratio = ratioOf(measurements, { scenario, ours: engineNames.now, others: [engineNames.before] });
    return atLeast(scenario, target, ratio, '×');
  });
