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

/** The rates in the time that the worker's core was not stolen: its share differs between passes of minutes. */
const inOwnTime = (measured: Measurement): Measurement => ({
  ...measured,
  rounds: measured.rounds.map((rate, round) => rate / (1 - (measured.stolen[round] ?? 0))),
});

/** Where all processes share the cores, the service takes its time from the engine, so that there is no target. */
function checksOfBatch(measurements: readonly Measurement[]): readonly Check[] {
  const check = (scenario: string, target: number, measured = measurements): Check => {
    const percent = 100 * ratioOf(measured, { scenario, ours: batchName, others: [engineName] });
    return atLeast(`${batchName} against ${engineName}: ${scenario}`, target, percent, ' %');
  };
  const { apart, shared } = batchScenarios;
  return [check(apart, 95, measurements.map(inOwnTime)), { ...check(shared, 0), target: '–', holds: null }];
}
