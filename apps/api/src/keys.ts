/** `pnpm keys create|list|revoke`: API keys, past the API. Only the secret of a new one goes to standard output. */
import { parseArgs } from 'node:util';
import { keyRequestSchema } from '@prosemill/contract';
import { type ApiKey, type ApiKeyStore, ConfigError, type Cursor, exitWith, readConfig } from '@prosemill/core';
import { openStore } from '@prosemill/store';
import { createLogger, logWarnings } from '@prosemill/telemetry';
import { readApiConfig } from './config.ts';
import { createKey } from './services/create-key.ts';
import { isUuid } from './wire/is-uuid.ts';

const usage = `usage:
    pnpm keys create --owner acme --name website [--scopes generate,read,admin] [--expires-in-days 90]
    pnpm keys list
    pnpm keys revoke ID`;

const secondsPerDay = 86_400;
const pageSize = 100;

type Command = (keys: ApiKeyStore) => Promise<void>;

/** @throws {ConfigError} for anything that is no command */
function parseCommand(args: readonly string[]): Command {
  const [name, ...rest] = args;
  if (name === 'create') return createCommand(rest);
  if (name === 'list' && rest.length === 0) return listCommand;
  const [id] = rest;
  if (name === 'revoke' && rest.length === 1 && id !== undefined && isUuid(id)) return revokeCommand(id.toLowerCase());
  throw new ConfigError([usage]);
}

function createCommand(args: string[]): Command {
  const text = { type: 'string' } as const;
  const options = { owner: text, name: text, scopes: text, 'expires-in-days': text };
  const { owner, name, scopes, 'expires-in-days': days } = parseOptions(args, options);
  const request = readConfig(keyRequestSchema, {
    owner,
    name,
    scopes: scopes?.split(','),
    expires_in_seconds: days === undefined ? undefined : Number(days) * secondsPerDay,
  });
  return async (keys) => {
    const { key, secret } = await createKey(keys, request);
    process.stderr.write(`${lineOf(key)}\nIts secret, which is shown this once:\n`);
    process.stdout.write(`${secret}\n`);
  };
}

function parseOptions(args: string[], options: Record<string, { type: 'string' }>): Record<string, string | undefined> {
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw new ConfigError([error instanceof Error ? error.message : '', usage]);
  }
}

const listCommand: Command = async function list(keys) {
  let after: Cursor<string> | null = null;
  for (let hasMore = true; hasMore;) {
    const page = await keys.list({ after, limit: pageSize });
    for (const key of page.items) process.stdout.write(`${lineOf(key)}\n`);
    after = page.items.at(-1) ?? null;
    ({ hasMore } = page);
  }
};

const revokeCommand = (id: string): Command =>
  async function revoke(keys) {
    if (!(await keys.revoke(id))) throw new Error(`There is no API key ${id}.`);
    process.stderr.write('Revoked. Every process of the API refuses it within 20 s.\n');
  };

/** A name as JSON: it may hold what a terminal would take for a command. */
function lineOf({ id, prefix, ownerId, scopes, name, expiresAt, revokedAt, lastUsedAt }: ApiKey): string {
  const times = { expires: expiresAt, revoked: revokedAt, used: lastUsedAt };
  const said = Object.entries(times).flatMap(([what, at]) => (at === null ? [] : [`${what} ${at.toISOString()}`]));
  return [id, `${prefix}…`, ownerId, scopes.join(','), JSON.stringify(name), ...said].join('  ');
}

async function runKeys(): Promise<void> {
  const command = parseCommand(process.argv.slice(2));
  const config = readApiConfig();
  const logger = createLogger({ name: 'keys', level: 'warn', pretty: config.LOG_PRETTY });
  logWarnings(logger);
  const store = openStore({ url: config.DATABASE_URL, logger });
  try {
    await store.requireReady();
    await command(store.apiKeys);
  } finally {
    await store.stop();
  }
}

await runKeys().catch(exitWith);
