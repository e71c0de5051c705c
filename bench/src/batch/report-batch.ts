/** Formats the measurement of batches as Markdown. */
import { atLeast, type Check } from '../checks.ts';
import type { Measurement } from '../measure.ts';
import { ratioOf } from '../ratios.ts';
import { checkTable, machineLine, throughputTable } from '../report/report.ts';
import type { ServiceResults } from '../results.ts';
import { batchName, batchScenarios, engineName } from './measure-batch.ts';

export const reportOfBatch = (results: ServiceResults<Measurement>): string =>
  [
    machineLine(results),
    checkTable(checksOfBatch(results.measurements)),
    '',
    throughputTable(results.measurements, engineName),
  ].join('\n');

/** The rates in the time that was not stolen. A pass takes minutes, in which the stolen shares of two passes differ. */
const inOwnTime = ({ rounds, stolen, ...rest }: Measurement): Measurement => ({
  ...rest,
  rounds: rounds.map((rate, round) => rate / (1 - (stolen[round] ?? 0))),
  stolen: stolen.map(() => 0),
});

/** Where all processes share the cores, the service takes its time from the engine, so that there is no target. */
function checksOfBatch(measurements: readonly Measurement[]): readonly Check[] {
  const percentOf = (scenario: string): number =>
    100 * ratioOf(measurements.map(inOwnTime), { scenario, ours: batchName, others: [engineName] });
  const check = (scenario: string, target: number): Check =>
    atLeast(`${batchName} against ${engineName}: ${scenario}`, target, percentOf(scenario), ' %');
  const { apart, shared } = batchScenarios;
  return [check(apart, 95), { ...check(shared, 0), target: '–', holds: null }];
}
