import {
  createTestDatabase,
  describeHintQueueConformance,
  describeSharedHintQueueConformance,
  describeWakeUpsConformance,
  type HintQueueSession,
  launchPostgres,
  silentLogger,
  startTcpProxy,
  type TcpProxy,
} from '@prosemill/testkit';
import { newId, type PermitResult } from '@prosemill/core';
import { Client } from 'pg';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import type { Queue } from '../queue.ts';
import { createPostgresQueue } from './postgres-queue.ts';

async function openSession(): Promise<HintQueueSession> {
  const { url, drop } = await createTestDatabase(inject('postgresUrl'));
  return { open: () => createPostgresQueue({ url, logger: silentLogger }), keepsHints: false, close: drop };
}

const countClaimable = async (): Promise<number> => 0;

describeHintQueueConformance('LISTEN/NOTIFY', openSession);
describeSharedHintQueueConformance('LISTEN/NOTIFY', openSession);

describeWakeUpsConformance('LISTEN/NOTIFY', async () => {
  const { url, drop } = await createTestDatabase(inject('postgresUrl'));
  const one = createPostgresQueue({ url, logger: silentLogger });
  const two = createPostgresQueue({ url, logger: silentLogger });
  return {
    ends: [one, two],
    close: drop,
  };
});

describe('LISTEN/NOTIFY in trouble', () => {
  it('keeps its connections despite the timeouts of the database', async () => {
    const { url, drop } = await createTestDatabase(inject('postgresUrl'));
    onTestFinished(drop);
    const [adminUrl, name] = [inject('postgresUrl'), new URL(url).pathname.slice(1)];
    for (const setting of ['statement_timeout = 1', 'lock_timeout = 1', 'idle_session_timeout = 200']) {
      await execute(adminUrl, `alter database ${name} set ${setting}`);
    }
    const queue = createPostgresQueue({ url, logger: silentLogger });
    onTestFinished(async () => await queue.stop());
    const heard: string[] = [];
    queue.wakeUps.subscribe(({ ids }) => heard.push(...ids));
    await queue.wakeUps.start();
    await expect
      .poll(() => {
        queue.wakeUps.publish({ type: 'job-changed', ids: ['a'] });
        return heard;
      })
      .toContain('a');
    const idle = `select pid from pg_stat_activity where application_name in ('prosemill-listen', 'prosemill-notify')
      and datname = '${name}' and clock_timestamp() - state_change > interval '500 ms'`;
    await expect.poll(async () => (await execute(adminUrl, idle)).length).toBeGreaterThan(1);
    expect(queue.problems()).toEqual([]);
  });

  it('listens again after its connection was ended, and looks for missed jobs', async () => {
    const { url, drop } = await createTestDatabase(inject('postgresUrl'));
    onTestFinished(drop);
    const queue = createPostgresQueue({ url, logger: silentLogger });
    onTestFinished(async () => await queue.stop());
    let permits = 0;
    const onPermit = async (): Promise<PermitResult> => {
      permits += 1;
      return 'nothing';
    };
    await queue.wakeUps.start();
    await queue.receiver.start({ concurrency: 1, leaseMs: 30_000, onPermit, countClaimable });
    await expect.poll(async () => await countListeners(url)).toBe(2);
    permits = 0;
    await execute(
      url,
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'prosemill-listen' and datname = current_database()`,
    );
    await expect.poll(() => permits).toBeGreaterThan(0);
    await expect.poll(() => queue.problems()).toEqual([]);
    const heard: string[] = [];
    queue.wakeUps.subscribe(({ ids }) => heard.push(...ids));
    await expect
      .poll(() => {
        queue.wakeUps.publish({ type: 'job-changed', ids: ['a'] });
        return heard;
      })
      .toContain('a');
  });

  it('survives a crash of the server, reports the reason, and fails fast meanwhile', async () => {
    const server = await launchPostgres();
    onTestFinished(async () => await server.stop());
    const queue = createPostgresQueue({ url: server.url, logger: silentLogger });
    onTestFinished(async () => await queue.stop());
    let permits = 0;
    await queue.wakeUps.start();
    await queue.receiver.start({
      concurrency: 1,
      leaseMs: 30_000,
      onPermit: async () => {
        permits += 1;
        return 'nothing';
      },
      countClaimable,
    });
    await expect.poll(() => queue.problems()).toEqual([]);
    await server.crash();
    await expect
      .poll(() => queue.problems())
      .toEqual([expect.stringMatching(/^LISTEN on Postgres is not available: /)]);
    await expect(queue.sender.send([{ id: newId(), epoch: 0 }])).rejects.toThrow(/ECONNREFUSED|terminated/);
    permits = 0;
    await server.restart();
    await expect.poll(() => permits).toBeGreaterThan(0);
    await expect.poll(() => queue.problems()).toEqual([]);
  });

  it('sends again after its connections died silently', async () => {
    const { proxy, queue } = await openThroughProxy();
    const send = async (): Promise<void> => await queue.sender.send([{ id: newId(), epoch: 0 }]);
    await Promise.all([send(), send()]);
    proxy.swallow();
    await Promise.allSettled([send(), send()]);
    await expect(send()).resolves.toBeUndefined();
  });

  it('stops in time, also twice, although its connections died silently', async () => {
    const { proxy, queue } = await openThroughProxy();
    await queue.wakeUps.start();
    await queue.receiver.start({ concurrency: 1, leaseMs: 30_000, onPermit: async () => 'nothing', countClaimable });
    await queue.sender.send([{ id: newId(), epoch: 0 }]);
    await expect.poll(async () => await countListeners(proxy.url)).toBe(2);
    proxy.swallow();
    const begin = performance.now();
    await queue.stop();
    await queue.stop();
    expect(performance.now() - begin).toBeLessThan(6_000);
  });

  it('makes its own receiver look for jobs at each send, while it cannot listen', async () => {
    const { proxy, queue } = await openThroughProxy();
    await queue.sender.send([{ id: newId(), epoch: 0 }]);
    proxy.refuse();
    let permits = 0;
    const onPermit = async (): Promise<PermitResult> => {
      permits += 1;
      return 'nothing';
    };
    await queue.receiver.start({ concurrency: 2, leaseMs: 30_000, onPermit, countClaimable });
    await expect.poll(() => queue.problems()).not.toEqual([]);
    permits = 0;
    await queue.sender.send([newId(), newId()].map((id) => ({ id, epoch: 0 })));
    expect(permits).toBe(2);
  });

  it('gives up a send when the server is silent', async () => {
    const server = await launchPostgres();
    onTestFinished(async () => await server.stop());
    const queue = createPostgresQueue({ url: server.url, logger: silentLogger });
    onTestFinished(async () => await queue.stop());
    await queue.sender.send([{ id: newId(), epoch: 0 }]);
    server.freeze();
    await expect(queue.sender.send([{ id: newId(), epoch: 0 }])).rejects.toThrow(/timeout/i);
    server.thaw();
    await expect
      .poll(async () => await queue.sender.send([{ id: newId(), epoch: 0 }]).then(() => 'sent', String))
      .toBe('sent');
  });
});

async function openThroughProxy(): Promise<{ proxy: TcpProxy; queue: Queue }> {
  const { url, drop } = await createTestDatabase(inject('postgresUrl'));
  onTestFinished(drop);
  const proxy = await startTcpProxy(url);
  onTestFinished(async () => await proxy.stop());
  const queue = createPostgresQueue({ url: proxy.url, logger: silentLogger });
  onTestFinished(async () => await queue.stop());
  return { proxy, queue };
}

async function execute(url: string, statement: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<Record<string, unknown>>(statement);
  await client.end();
  return rows;
}

async function countListeners(url: string): Promise<unknown> {
  const [row] = await execute(
    url,
    `select count(*)::int as count from pg_stat_activity where application_name = 'prosemill-listen' and datname = current_database() and query ilike 'listen%'`,
  );
  return row?.['count'];
}
