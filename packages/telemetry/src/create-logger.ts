/** The log: one JSON line an event on standard output, or readable lines on a terminal. */
import { errorStack, type Logger } from '@prosemill/core';
import { pino } from 'pino';
import pretty from 'pino-pretty';

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Readable lines instead of JSON. */
  readonly pretty: boolean;
  /** Which process speaks: `api`, `worker`, `standalone`. */
  readonly name: string;
}

/** Writes synchronously, so that the last words of a process are not lost. */
export function createLogger({ level, pretty: isPretty, name }: LoggerOptions): Logger {
  const options = {
    level,
    base: { name },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { error: errorStack },
  };
  if (!isPretty) return pino(options);
  return pino(options, pretty({ sync: true, ignore: 'name', translateTime: 'SYS:HH:MM:ss', singleLine: true }));
}
