/** The context of every command: the client of its service, its output, and the signal that ends it. */
import type { Command } from 'commander';
import { createClient, type ProsemillClient } from '../index.ts';
import type { CommandConfig } from './config.ts';
import type { Output } from './output.ts';

export interface GlobalOptions {
  readonly url?: string;
  readonly key?: string;
  readonly json?: true;
}

export interface CommandBase {
  readonly config: CommandConfig;
  readonly output: Output;
  /** Aborted by SIGINT and SIGTERM. */
  readonly interrupted: AbortSignal;
}

export interface Context extends CommandBase {
  readonly url: string;
  /** The address was given, and is not the default. */
  readonly hasUrl: boolean;
  readonly isJson: boolean;
  readonly client: ProsemillClient;
  /** A client that repeats its requests for so long. */
  readonly clientFor: (retryForMs: number, onRetry?: (reason: string) => void) => ProsemillClient;
}

export const defaultUrl = 'http://127.0.0.1:8000';
const retryForMs = 30_000;

export function contextOf(command: Command, base: CommandBase): Context {
  const { url: urlOption, key, json } = command.optsWithGlobals<GlobalOptions>();
  const given = urlOption ?? base.config.url;
  const url = given ?? defaultUrl;
  const clientFor: Context['clientFor'] = (limitMs, onRetry) =>
    createClient({
      url,
      apiKey: key ?? base.config.apiKey,
      retryForMs: limitMs,
      onRetry: ({ message }) => onRetry?.(message),
    });
  return { ...base, url, hasUrl: given !== undefined, isJson: json === true, client: clientFor(retryForMs), clientFor };
}
