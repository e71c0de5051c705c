/**
 * Backup and restore as docs/operations.md tells it, while jobs wait and run. The restored service has every job and
 * text of that time, and runs the jobs that had not ended. It has nothing of jobs that a client or the retention has
 * deleted.
 */
import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobBody } from '@prosemill/contract';
import { openStore } from '@prosemill/store';
import { createTestDatabase, createTestFolder, launchPostgres, silentLogger } from '@prosemill/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createClient, type Request, type RequestOptions } from '../http-client.ts';
import { type Environment, launchSeparate, launchStandalone, type Service, startSeparate } from '../launch.ts';
import { installPostgresTools } from './postgres-tools.ts';

interface World {
  /** Starts the service on its database, or on the restored one. */
  readonly start: (database: 'own' | 'restored') => Promise<Service>;
  /** Deletes all jobs as the retention does. @returns the service, which may be a new one */
  readonly expire: (service: Service) => Promise<Service>;
  /** Makes a backup, and stops the service. @returns the backup as text */
  readonly backUp: (service: Service) => Promise<string>;
  readonly restore: () => Promise<void>;
}

const environment: Environment = { LOG_LEVEL: 'debug', SHUTDOWN_GRACE_SECONDS: '1' };

const worlds = {
  async SQLite(): Promise<World> {
    const folder = await createTestFolder();
    const pathOf = (name: string): string => join(folder, `${name}.db`);
    const start: World['start'] = async (name) =>
      await launchStandalone({ ...environment, DATABASE_URL: `sqlite:${pathOf(name)}` });
    return {
      start,
      async expire(service) {
        // The file belongs to the service while it runs.
        await service.stop();
        await purgeAll(`sqlite:${pathOf('own')}`);
        return await start('own');
      },
      async backUp(service) {
        await service.stop();
        await copyFile(pathOf('own'), pathOf('backup'));
        return await readFile(pathOf('backup'), 'latin1');
      },
      restore: async () => await copyFile(pathOf('backup'), pathOf('restored')),
    };
  },
  async Postgres(): Promise<World> {
    const run = await installPostgresTools();
    const server = await launchPostgres();
    onTestFinished(async () => await server.stop());
    const file = join(await createTestFolder(), 'backup');
    const urls = {
      own: (await createTestDatabase(server.url)).url,
      restored: (await createTestDatabase(server.url)).url,
    };
    return {
      start: async (name) =>
        await (name === 'own' ? launchSeparate : startSeparate)({ ...environment, DATABASE_URL: urls[name] }),
      async expire(service) {
        await purgeAll(urls.own);
        return service;
      },
      async backUp(service) {
        await run('pg_dump', ['--format=custom', `--file=${file}`, urls.own]);
        await service.stop();
        return await run('pg_restore', ['--file=-', file]);
      },
      restore: async () => void (await run('pg_restore', ['--no-owner', `--dbname=${urls.restored}`, file])),
    };
  },
} as const satisfies Record<string, () => Promise<World>>;

const mark = 'quokka';

describe.each(Object.entries(worlds))('a backup of %s', (_, createWorld) => {
  it('has all jobs of its time and nothing of deleted ones, and the service goes on from it', async () => {
    const { start, expire, backUp, restore } = await createWorld();
    const young = await start('own');
    onTestFinished(async () => void (await young.stop('SIGKILL')));
    const secret = { prompt: `${mark} prompt`, stop: [`${mark} stops`], metadata: { [mark]: mark } };
    const expired = await write(await createClient(young.url), secret, { 'Idempotency-Key': `${mark}-1` });
    const first = await expire(young);
    onTestFinished(async () => void (await first.stop('SIGKILL')));
    const request = await createClient(first.url);
    const ended: JobBody[] = [];
    for (const prompt of ['The café of the walrus', 'The old king', 'A fox'])
      ended.push(await write(request, { prompt }));
    const deleted = await write(request, secret, { 'Idempotency-Key': `${mark}-2` });
    expect((await request(`/jobs/${deleted.id}`, { method: 'DELETE' })).status).toBe(204);
    const open: string[] = [];
    for (let seed = 1; seed <= 3; seed += 1) {
      const json = { prompt: 'A long story', max_new_tokens: 450, seed };
      open.push((await request<JobBody>('/jobs', { json })).body.id);
    }
    const backup = await backUp(first);
    const backedUpAt = Date.now();
    await restore();

    const second = await start('restored');
    onTestFinished(async () => void (await second.stop('SIGKILL')));
    const restored = await createClient(second.url);
    for (const job of ended) expect((await restored(`/jobs/${job.id}`)).body).toEqual(job);
    const ends: number[] = [];
    for (const id of open) {
      const { status, finished_at: end } = (await restored<JobBody>(`/jobs/${id}?wait=60`)).body;
      expect(status).toBe('succeeded');
      ends.push(Date.parse(end ?? ''));
    }
    expect(Math.max(...ends)).toBeGreaterThan(backedUpAt);
    const found = await restored<{ data: JobBody[] }>('/jobs?q=CAFE%20walrus');
    expect(found.body.data.map(({ id }) => id)).toEqual([ended[0]?.id]);
    const last = await write(restored, { prompt: 'A hen' });
    const generationIds = [...ended, last].map(({ output }) => output?.generation_id ?? 0);
    expect(generationIds).toEqual([...new Set(generationIds)].toSorted((a, b) => a - b));
    const texts = (await restored<{ id: number }[]>('/history')).body;
    expect(texts).toHaveLength(ended.length + open.length + 1);

    for (const { id } of [deleted, expired]) expect((await restored(`/jobs/${id}`)).status).toBe(410);
    expect(backup).toContain('walrus');
    expect(backup).not.toContain(mark);
    await second.stop();
    const logs = [young, first, second]
      .flatMap(({ processes }) => processes)
      .map((process) => process.transcript())
      .join('\n');
    for (const { id } of [deleted, expired]) expect(logs).toContain(id);
    expect(logs).not.toContain(mark);
  });
});

/** The retention of a day, two days later. */
async function purgeAll(url: string): Promise<void> {
  const clockOffsetMs = 2 * 24 * 3_600_000;
  const store = openStore({ url, logger: silentLogger, retentionDays: 1, clockOffsetMs });
  expect(await store.jobs.purgeExpiredJobs(10)).toHaveLength(1);
  await store.stop();
}

/** @returns the job of a text that was written */
async function write(request: Request, prompt: object, given: RequestOptions['headers'] = {}): Promise<JobBody> {
  const headers = { Prefer: 'wait=60', ...given };
  const { body } = await request<{ job_id: string }>('/generate', { json: { max_new_tokens: 8, ...prompt }, headers });
  return (await request<JobBody>(`/jobs/${body.job_id}`)).body;
}
