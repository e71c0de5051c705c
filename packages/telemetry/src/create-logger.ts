/** The log: one JSON line for each event, or readable lines on a terminal. */
import { errorStack, type Logger } from '@prosemill/core';
import { pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { LogOutput, type LogStream } from './log-output.ts';

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Readable lines instead of JSON. */
  readonly pretty: boolean;
  /** The process that logs: `api`, `worker` or `standalone`. */
  readonly name: string;
  /** Default: standard output. */
  readonly stream?: LogStream;
}

export function createLogger({ level, pretty, name, stream = process.stdout }: LoggerOptions): Logger {
  const output = new LogOutput(stream, (lostLines) =>
    logger.error({ lostLines }, 'the log goes on; lines that could not be written are missing'),
  );
  const format = pretty
    ? prettyFactory({ ignore: 'name', translateTime: 'SYS:HH:MM:ss', singleLine: true })
    : (line: string) => line;
  const logger = pino(
    {
      level,
      base: { name },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label: string) => ({ level: label }) },
      serializers: { error: errorStack },
    },
    { write: (line: string) => output.write(format(line)) },
  );
  return logger;
}
