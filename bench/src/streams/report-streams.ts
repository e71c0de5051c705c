/** Formats the measurement of streams as Markdown. */
import { atLeast, atMost, type Check } from '../checks.ts';
import { checkTable, machineLine } from '../report/report.ts';
import type { ServiceResults } from '../results.ts';
import type { StreamsMeasurement } from './measure-streams.ts';

/** One statement per 50 ms. */
const maxStatements = 20;

const statements = (name: string, rate: number): Check => atMost(name, maxStatements, rate, ' a second');

/** The service is fast enough where its processes share the cores. The engine has its target where it has its own. */
export function checksOfStreams(results: StreamsMeasurement): readonly Check[] {
  const { placement, firstEventMs, throughputRatio, pairs } = results;
  const most = (valueOf: (pair: StreamsMeasurement['pairs'][number]['streaming']) => number): number =>
    Math.max(...pairs.map(({ streaming }) => valueOf(streaming)));
  const counts = [
    statements(
      'reads of the API process',
      most(({ readsPerSecond }) => readsPerSecond),
    ),
    statements(
      'appends of the worker',
      most(({ appendsPerSecond }) => appendsPerSecond),
    ),
  ];
  if (placement === 'apart') {
    return [
      atLeast('the engine’s throughput with streams against without', 97, throughputRatio.median * 100, ' %'),
      ...counts,
    ];
  }
  const delay = most(({ delay: { p95 } }) => p95);
  return [
    atMost('first event after the submit, idle machine, slowest of 30', 50, firstEventMs.max, ' ms'),
    atMost('a token from its choice to the client, p95', 100, delay, ' ms'),
    ...counts,
  ];
}

export function reportOfStreams(results: ServiceResults<StreamsMeasurement>): string {
  return [machineLine(results), ...results.measurements.map(reportOfMeasurement)].join('\n');
}

export const placementTitles = {
  shared: 'A Postgres, an API, a worker and the clients share all cores',
  apart: 'The worker has one core, like a worker on a machine of its own; all others have the rest',
} as const;

function reportOfMeasurement(measurement: StreamsMeasurement): string {
  const { placement, streams, slots, throughputRatio, pairs } = measurement;
  const passes = pairs.map(({ quiet, streaming }) =>
    [quiet, streaming].map(({ tokensPerSecond }) => tokensPerSecond.toFixed(0)).join(' and '),
  );
  return [
    `${placementTitles[placement]}: ${streams} open streams, ${slots} texts at once.\n`,
    checkTable(checksOfStreams(measurement)),
    `\nTokens per second without streams and with them, in pairs: ${passes.join(', ')}; ` +
      `with streams ${(throughputRatio.median * 100).toFixed(1)} % of without.\n`,
  ].join('\n');
}
