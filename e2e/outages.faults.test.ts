/**
 * A database or a Redis that is away, at the start or later: the service tells the reason, and recovers without a
 * restart.
 */
import type { JobBody, Problem } from '@prosemill/contract';
import { launchPostgres, launchRedis, type PrivateServer } from '@prosemill/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createClient, type Request } from './http-client.ts';
import { type Environment, launchSeparate, type Service, ServiceProcess, startSeparate } from './launch.ts';

interface Health {
  readonly status: string;
  readonly problems: readonly string[];
}

async function launchPrivate(launch: () => Promise<PrivateServer>): Promise<PrivateServer> {
  const server = await launch();
  onTestFinished(async () => await server.stop());
  return server;
}

function stopAtEnd(service: Service): Service {
  onTestFinished(async () => void (await service.stop('SIGKILL')));
  return service;
}

const generate = { json: { prompt: 'Once upon a time', max_new_tokens: 5 } };

async function expectProblem(request: Request, problem: RegExp): Promise<void> {
  const health = async () => (await request<Health>('/health')).body;
  await expect.poll(async () => (await health()).problems.join(' ')).toMatch(problem);
  expect((await health()).status).toBe('degraded');
}

/** Expects every process to be the one that was started. */
const expectAlive = ({ processes }: Service): void => {
  for (const { child } of processes) expect([child.exitCode, child.signalCode]).toEqual([null, null]);
};

async function expectDatabaseAway(request: Request): Promise<void> {
  await expectProblem(request, /The database is not available\./);
  for (const path of ['/generate', '/jobs']) {
    const answer = await request<Problem>(path, generate);
    expect(answer).toMatchObject({ status: 503, body: { code: 'database_unavailable' } });
    expect(answer.headers.get('Retry-After')).toBe('1');
    expect(answer.headers.get('x-should-retry')).toBe('true');
  }
  // The answer may be a second old.
  await expect.poll(async () => (await request('/readyz')).status).toBe(503);
  expect((await request('/livez')).status).toBe(200);
}

async function expectWorks(service: Service, request: Request): Promise<void> {
  await expect.poll(async () => (await request<Health>('/health')).body.status).toBe('healthy');
  await expect.poll(async () => (await request('/generate', generate)).status).toBe(200);
  await expect.poll(async () => (await request('/readyz')).status).toBe(200);
  expectAlive(service);
}

describe('a database that is away', () => {
  it('at the start makes the service wait and tell the reason', async () => {
    const database = await launchPrivate(launchPostgres);
    const environment: Environment = { DATABASE_URL: database.url };
    expect(await new ServiceProcess('apps/api/src/commands/migrate.ts', environment).ended()).toBe(0);
    await database.crash();
    const service = stopAtEnd(await startSeparate(environment));
    const request = await createClient(service.url);
    await expectDatabaseAway(request);
    for (const process of service.processes) {
      const line = await process.logged({ msg: 'database is not available yet' });
      expect(line['reason']).toMatch(/^The database cannot be reached: .*ECONNREFUSED/);
    }
    await database.restart();
    await expectWorks(service, request);
  });

  it('may crash under load: accepted jobs are done when it is back', async () => {
    const database = await launchPrivate(launchPostgres);
    const service = stopAtEnd(await launchSeparate({ DATABASE_URL: database.url, LEASE_SECONDS: '3' }));
    const request = await createClient(service.url);
    await expectWorks(service, request);
    const submits = Array.from({ length: 20 }, () => request<JobBody>('/jobs', generate));
    const accepted = (await Promise.all(submits)).map(({ status, body }) => {
      expect(status).toBe(202);
      return body.id;
    });
    await database.crash();
    await expectDatabaseAway(request);
    await database.restart();
    const states = async () =>
      await Promise.all(accepted.map(async (id) => (await request<JobBody>(`/jobs/${id}`)).body.status));
    await expect.poll(states, { timeout: 60_000 }).toEqual(accepted.map(() => 'succeeded'));
    await expectWorks(service, request);
  });
});

async function launchFull(redis: PrivateServer): Promise<{ service: Service; request: Request }> {
  const database = await launchPrivate(launchPostgres);
  const service = stopAtEnd(await launchSeparate({ DATABASE_URL: database.url, REDIS_URL: redis.url }));
  return { service, request: await createClient(service.url) };
}

describe('a Redis that is away', () => {
  it('at the start only slows things down', async () => {
    const redis = await launchPrivate(launchRedis);
    await redis.crash();
    const { service, request } = await launchFull(redis);
    await expectProblem(request, /Hints and wake-ups are late: Redis/);
    const job = await request<JobBody>('/jobs', generate);
    expect(job.status).toBe(202);
    await redis.restart();
    // The hint was never sent, so the reconciler sends it.
    await expect.poll(async () => (await request<JobBody>(`/jobs/${job.body.id}`)).body.status).toBe('succeeded');
    await expectWorks(service, request);
  });

  it('later only slows things down', async () => {
    const redis = await launchPrivate(launchRedis);
    const { service, request } = await launchFull(redis);
    await expectWorks(service, request);
    await redis.crash();
    await expectProblem(request, /Hints and wake-ups are late: Redis/);
    const job = await request<JobBody>('/jobs', generate);
    expect(job.status).toBe(202);
    await redis.restart();
    await expect.poll(async () => (await request<JobBody>(`/jobs/${job.body.id}`)).body.status).toBe('succeeded');
    await expectWorks(service, request);
  });
});
