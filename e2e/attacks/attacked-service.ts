/** The service in its full size with keys, the clients that attack it, and the clients that measure the attack. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { createTestDatabase, type ExecuteSql, openSql } from '@prosemill/testkit';
import { expect, inject, onTestFinished } from 'vitest';
import { createClient, type Request } from '../http-client.ts';
import { type Environment, launchSeparate } from '../launch.ts';
import { redisUrlForThisFile } from '../sizes.ts';

export interface AttackedService {
  readonly url: string;
  /** Sends requests with the admin key. */
  readonly administrate: Request;
  /** Runs SQL on the database. */
  readonly execute: ExecuteSql;
  /** @returns the `Authorization` header of a new key of this owner */
  createKey(ownerId: string): Promise<string>;
}

const adminKey = 'a key of at least thirty-two characters'.replaceAll(' ', '-');

export async function launchAttacked(environment: Environment): Promise<AttackedService> {
  const database = await createTestDatabase(inject('postgresUrl'));
  const service = await launchSeparate({
    AUTH: 'keys',
    ADMIN_KEY: adminKey,
    DATABASE_URL: database.url,
    REDIS_URL: redisUrlForThisFile(),
    ...environment,
  });
  const sql = await openSql(database.url);
  onTestFinished(async () => {
    await service.stop('SIGKILL');
    await sql.close();
    await database.drop();
  });
  const client = await createClient(service.url);
  const administrate: Request = async (path, options) =>
    await client(path, { ...options, headers: { Authorization: `Bearer ${adminKey}`, ...options?.headers } });
  const isReady = async () => (await client<{ model: unknown }>('/health')).body.model !== null;
  await expect.poll(isReady).toBe(true);
  return {
    url: service.url,
    administrate,
    execute: sql.execute,
    async createKey(ownerId) {
      const json = { owner: ownerId, name: 'attack' };
      const { status, body } = await administrate<{ secret: string }>('/admin/keys', { json });
      expect(status).toBe(201);
      return `Bearer ${body.secret}`;
    },
  };
}

/** The number of answers with each status; 0: no answer. */
export type FloodCounts = Readonly<Record<string, number>>;

export interface FloodRequest {
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/**
 * Sends these requests in turn on several connections; see flood.ts.
 * @returns a function that ends the flood
 */
export function startFlood(
  url: string,
  requests: readonly FloodRequest[],
  connections: number,
): () => Promise<FloodCounts> {
  const program = fileURLToPath(new URL('flood.ts', import.meta.url));
  const child = spawn(process.execPath, [program, url, JSON.stringify(requests), String(connections)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const output = text(child.stdout);
  return async () => {
    child.kill('SIGTERM');
    await once(child, 'exit');
    return JSON.parse(await output) as FloodCounts;
  };
}

/**
 * Submits a short text. On `/generate` it waits a second at most.
 * @returns the status, and the id of the job if there is one
 */
export async function submit(
  url: string,
  authorization: string,
  path = '/jobs',
): Promise<{ status: number; id: string }> {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: authorization, Prefer: 'wait=1' },
    body: JSON.stringify({ prompt: 'Once upon a time', max_new_tokens: 4 }),
  });
  const { id } = (await response.json()) as { id: string };
  return { status: response.status, id };
}
