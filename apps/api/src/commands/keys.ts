/** `pnpm keys create|list|revoke`: manages API keys without the API. Only the secret or the list goes to stdout. */
import { keyRequestSchema, wrongValuesOf } from '@prosemill/contract';
import {
  type ApiKey,
  type ApiKeyStore,
  type Cursor,
  errorLine,
  exitWith,
  parseDecimal,
  print,
  readArguments,
  revocationDelayMs,
  tolerateFailures,
  UsageError,
} from '@prosemill/core';
import { openStore } from '@prosemill/store';
import { createLogger, logWarnings } from '@prosemill/telemetry';
import { readApiConfig } from '../config.ts';
import { createKey } from '../auth/create-key.ts';
import { isUuid } from '../wire/is-uuid.ts';

const usage = `usage:
    pnpm keys create --owner acme --name website [--scopes generate,read,admin] [--expires-in-days 90]
    pnpm keys list
    pnpm keys revoke ID`;

const secondsPerDay = 86_400;
const pageSize = 100;

type Command = (keys: ApiKeyStore) => Promise<void>;

/** @throws {UsageError} for arguments that are no command */
function parseCommand(args: readonly string[]): Command {
  const [name, ...rest] = args;
  if (name === 'create') return createCommand(rest);
  if (name === 'list' && rest.length === 0) return listCommand;
  const [id] = rest;
  if (name === 'revoke' && rest.length === 1 && id !== undefined && isUuid(id)) return revokeCommand(id.toLowerCase());
  throw new UsageError([], usage);
}

function createCommand(args: string[]): Command {
  const text = { type: 'string' } as const;
  const options = { owner: text, name: text, scopes: text, 'expires-in-days': text };
  const { owner, name, scopes, 'expires-in-days': days } = readArguments({ args, options }, usage).values;
  const { error: refusal, data } = keyRequestSchema.safeParse({
    owner,
    name,
    scopes: scopes?.split(',').map((scope) => scope.trim()),
    expires_in_seconds: days === undefined ? undefined : secondsOf(days),
  });
  if (refusal !== undefined) {
    const problems = wrongValuesOf(refusal).map(({ path, message }) => `${argumentOf(String(path[0]))}: ${message}`);
    throw new UsageError(problems, usage);
  }
  return async (keys) => {
    const { key, secret } = await createKey(keys, data);
    process.stderr.write(`${lineOf(key)}\nIts secret, which is shown this once:\n`);
    // Nobody has seen the secret: the key would stay valid without any use.
    await print(`${secret}\n`).catch(async (error: unknown) => {
      await keys.revoke(key.id);
      throw new Error(`The secret could not be shown, so that the key was revoked: ${errorLine(error)}`);
    });
  };
}

/** @param days  May have decimals. @returns whole seconds */
function secondsOf(days: string): number {
  const number = parseDecimal(days);
  if (number === null)
    throw new UsageError([`--expires-in-days: must be a number in plain decimals, not ${JSON.stringify(days)}`], usage);
  return Math.round(number * secondsPerDay);
}

const argumentOf = (field: string): string =>
  field === 'expires_in_seconds' ? '--expires-in-days, in seconds' : `--${field}`;

const listCommand: Command = async function list(keys) {
  let after: Cursor<string> | null = null;
  for (let hasMore = true; hasMore;) {
    const page = await keys.list({ after, limit: pageSize });
    for (const key of page.items) await print(`${lineOf(key)}\n`);
    after = page.items.at(-1) ?? null;
    ({ hasMore } = page);
  }
};

const revokeCommand = (id: string): Command =>
  async function revoke(keys) {
    if (!(await keys.revoke(id))) throw new Error(`There is no API key ${id}.`);
    process.stderr.write(`Revoked. Every process of the API refuses it within ${revocationDelayMs / 1_000} s.\n`);
  };

/** Names are printed as JSON: they may contain terminal escape sequences. */
function lineOf({ id, prefix, ownerId, scopes, name, expiresAt, revokedAt, lastUsedAt }: ApiKey): string {
  const times = { expires: expiresAt, revoked: revokedAt, used: lastUsedAt };
  const known = Object.entries(times).flatMap(([event, at]) => (at === null ? [] : [`${event} ${at.toISOString()}`]));
  return [id, `${prefix}…`, ownerId, scopes.join(','), JSON.stringify(name), ...known].join('  ');
}

async function runKeys(): Promise<void> {
  tolerateFailures(process.stderr);
  const command = parseCommand(process.argv.slice(2));
  const config = readApiConfig();
  const logger = createLogger({ name: 'keys', level: 'warn', pretty: config.LOG_PRETTY, stream: process.stderr });
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
