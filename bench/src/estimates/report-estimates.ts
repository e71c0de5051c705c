/** Formats the measurement of estimates as Markdown. */
import { atMost, type Check } from '../checks.ts';
import { checkTable, machineLine } from '../report/report.ts';
import type { ServiceResults } from '../results.ts';
import type { EstimatesMeasurement } from './measure-estimates.ts';

const checksOfEstimates = (measurements: readonly EstimatesMeasurement[]): readonly Check[] =>
  measurements.flatMap(({ database, medianError, submitMs }) => [
    atMost(`${database}: error of the estimated end under steady load, median`, 25, medianError * 100, ' %'),
    atMost(`${database}: answer to a submit to a queue of 10,000, with its estimate, p99`, 50, submitMs.p99, ' ms'),
  ]);

export function reportOfEstimates(results: ServiceResults<EstimatesMeasurement>): string {
  const { measurements } = results;
  const details = measurements.map(({ database, compared, p90Error, submitMs, withoutEstimate }) => {
    const errors = `${compared} estimates compared, 90 % of them within ${(p90Error * 100).toFixed(0)} %`;
    return `\n${database}: ${errors}; a submit takes ${submitMs.median.toFixed(1)} ms in the median, and ${withoutEstimate} had no estimate.`;
  });
  return [machineLine(results), checkTable(checksOfEstimates(measurements)), ...details].join('\n');
}
