/** Formats the measurement of streams as Markdown. */
import { atLeast, atMost, type Check } from '../checks.ts';
import type { Machine } from '../machine.ts';
import { checkTable, machineLine } from '../report/report.ts';
import type { StreamsMeasurement } from './measure-streams.ts';

export interface StreamsResults extends StreamsMeasurement {
  readonly date: string;
  /** The version of `batched`. */
  readonly engine: string;
  readonly machine: Machine;
}

/** One statement per 50 ms. */
const maxStatements = 20;

export function checksOfStreams(results: StreamsMeasurement): readonly Check[] {
  const { firstEventMs, throughputRatio, pairs } = results;
  const most = (valueOf: (pair: StreamsMeasurement['pairs'][number]['streaming']) => number): number =>
    Math.max(...pairs.map(({ streaming }) => valueOf(streaming)));
  return [
    atMost('first event after the submit, idle machine, slowest of 30', 50, firstEventMs.max, ' ms'),
    atMost(
      'a token from its choice to the client, p95',
      100,
      most(({ delay }) => delay.p95),
      ' ms',
    ),
    atLeast('the engine’s throughput with streams against without', 97, throughputRatio.median * 100, ' %'),
    atMost(
      'reads of the API process',
      maxStatements,
      most(({ readsPerSecond }) => readsPerSecond),
      ' a second',
    ),
    atMost(
      'appends of the worker',
      maxStatements,
      most(({ appendsPerSecond }) => appendsPerSecond),
      ' a second',
    ),
  ];
}

export function reportOfStreams(results: StreamsResults): string {
  const { streams, slots, pairs } = results;
  const passes = pairs.map(({ quiet, streaming }) =>
    [quiet, streaming].map(({ tokensPerSecond }) => tokensPerSecond.toFixed(0)).join(' and '),
  );
  return [
    machineLine(results),
    `${streams} open streams, ${slots} texts at once; a Postgres, an API, a worker and the clients on this machine.\n`,
    checkTable(checksOfStreams(results)),
    `\nTokens per second without streams and with them, in pairs: ${passes.join(', ')}.`,
  ].join('\n');
}
