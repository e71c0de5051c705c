/** Formats the measurement of open pages as Markdown. */
import { atLeast, type Check } from '../checks.ts';
import { checkTable, machineLine } from '../report/report.ts';
import type { ServiceResults } from '../results.ts';
import { placementTitles } from '../streams/report-streams.ts';
import { median } from '../statistics.ts';
import type { PagesMeasurement } from './measure-pages.ts';

export const checksOfPages = ({ pages, throughputRatio }: PagesMeasurement): readonly Check[] => [
  atLeast(`the engine’s throughput with ${pages} open pages against none`, 99, throughputRatio.median * 100, ' %'),
];

export function reportOfPages(results: ServiceResults<PagesMeasurement>): string {
  return [machineLine(results), ...results.measurements.map(reportOfMeasurement)].join('\n');
}

function reportOfMeasurement(measurement: PagesMeasurement): string {
  const { placement, pages, slots, pairs, cpuCosts } = measurement;
  const passes = pairs.map(({ quiet, watched }) =>
    [quiet, watched].map(({ tokensPerSecond }) => tokensPerSecond.toFixed(0)).join(' and '),
  );
  const { eventsPerSecond = Number.NaN, bytesPerSecond = Number.NaN } = pairs.at(-1)?.watched ?? {};
  const clientShare = median(pairs.map(({ watched }) => watched.clientShare));
  return [
    `${placementTitles[placement]}: ${pages} open pages that look at the machine, ${slots} texts at once.\n`,
    checkTable(checksOfPages(measurement)),
    `\nTokens per second without pages and with them, in pairs: ${passes.join(', ')}. ` +
      `The pages cost the API and the worker ${percent(cpuCosts.service.median)} of a core, and Postgres ` +
      `${percent(cpuCosts.database.median)}. The process that stands for their browsers, which are on other machines ` +
      `otherwise, takes ${percent(clientShare)} of a core from the same cores. ` +
      `A page receives ${eventsPerSecond.toFixed(1)} events and ${(bytesPerSecond / 1_000).toFixed(1)} kB a second.\n`,
  ].join('\n');
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
