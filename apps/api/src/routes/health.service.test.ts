import { setImmediate } from 'node:timers/promises';
import type { Health, Problem } from '@prosemill/contract';
import { hintsLateNote, loadPhases, type LogFields, type Logger, type WorkerReport } from '@prosemill/core';
import { createTestDatabase, silentLogger, startTcpProxy, type TcpProxy } from '@prosemill/testkit';
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { openTestApi, readyWorker, type TestApi } from '../test-api.ts';

/** Matches addresses, users, folders and files. */
const inner = /\d+\.\d+\.\d+|:\d{4}|\/|ECONN|@|postgres:|secret/;

describe('the open routes about the state of the service', () => {
  let opened: TestApi;
  let proxy: TcpProxy;
  let dropDatabase: () => Promise<void>;
  let transportProblems: readonly string[] = [];
  const lines: (LogFields & { msg: string })[] = [];
  const note = (fields: LogFields, msg: string): void => void lines.push({ ...fields, msg });
  const logger: Logger = { ...silentLogger, info: note, warn: note, child: () => logger };

  beforeEach(async () => {
    const { url, drop } = await createTestDatabase(inject('postgresUrl'));
    dropDatabase = drop;
    proxy = await startTcpProxy(url);
    transportProblems = [];
    lines.length = 0;
    opened = await openTestApi({ databaseUrl: proxy.url, logger, transportProblems: () => transportProblems });
  });
  afterEach(async () => {
    await opened.close();
    await proxy.stop();
    await dropDatabase();
  });

  const request = async (path: string): Promise<Response> => await opened.api.app.request(path);
  const health = async (): Promise<Health> => (await (await request('/health')).json()) as Health;
  const linesOf = (part: string) => lines.filter(({ msg }) => msg.startsWith(part));

  const report = async (worker: Partial<WorkerReport>): Promise<boolean> =>
    await opened.store.workers.report(readyWorker(worker));

  it('/health says that the database is away; the log has the reason once', async () => {
    proxy.refuse();
    proxy.reset();
    const asked = vi.spyOn(opened.store.jobs, 'measureQueue');
    for (; asked.mock.calls.length < 2; await setImmediate()) {
      const answer = await health();
      expect(answer).toMatchObject({
        status: 'degraded',
        problems: [expect.stringMatching(/^The database is not available\. /)],
      });
      expect(JSON.stringify(answer)).not.toMatch(inner);
    }
    expect(linesOf('the database is')).toEqual([
      { msg: 'the database is not available', reason: expect.stringMatching(inner) },
    ]);
    await proxy.heal();
    await expect.poll(async () => (await health()).problems).toEqual(['No worker is running.']);
    expect(linesOf('the database is').at(-1)?.msg).toBe('the database is available again');
  });

  it('/health says that hints are late, without the reason', async () => {
    transportProblems = ['Redis is not available: connect ECONNREFUSED 10.0.0.7:6379.'];
    const { problems } = await health();
    expect(problems).toHaveLength(2);
    expect(problems[1]).toMatch(/^Hints and wake-ups are late: /);
    expect(problems.join('')).not.toMatch(inner);
  });

  it('/health says that hints are late for a worker, which has a connection of its own', async () => {
    await report({ note: hintsLateNote });
    const { status, problems, workers } = await health();
    expect(status).toBe('degraded');
    expect(problems).toEqual([expect.stringMatching(/^Hints and wake-ups are late: /)]);
    expect(workers).toMatchObject([{ note: hintsLateNote }]);
  });

  it.each(['loading', 'ready', 'draining', 'failed'] as const)(
    '/health replaces the note of a worker that is %s by a public sentence',
    async (state) => {
      await report({
        state,
        note: 'the model in /home/secret/models cannot be loaded: connect ECONNREFUSED 10.0.0.7:443',
      });
      await report({ state });
      const { workers } = await health();
      expect(workers).toHaveLength(2);
      expect(workers.flatMap((worker) => worker.note ?? [])).toEqual([expect.stringContaining('log says')]);
      expect(JSON.stringify(workers)).not.toMatch(inner);
    },
  );

  it.each(Object.values(loadPhases))('/health tells the progress of a worker that loads: %s', async (phase) => {
    await report({ state: 'loading', note: phase, loadProgress: 0.404 });
    expect((await health()).workers).toMatchObject([{ note: `${phase}: 40 %`, load_progress: 0.404 }]);
    await report({ state: 'loading', note: phase });
    await expect.poll(async () => (await health()).workers.map((worker) => worker.note)).toContain(phase);
  });

  it('/readyz tells the reason only to the log, once', async () => {
    proxy.refuse();
    proxy.reset();
    const asked = vi.spyOn(opened.store, 'requireReady');
    for (; asked.mock.calls.length < 2; await setImmediate()) {
      const answer = await request('/readyz');
      expect(answer.status).toBe(503);
      const { detail } = (await answer.json()) as Problem;
      expect(detail).toBe('The database cannot be reached.');
    }
    expect(lines).toEqual([{ msg: 'not ready', reason: expect.stringMatching(inner) }]);
    await proxy.heal();
    await expect.poll(async () => (await request('/readyz')).status).toBe(200);
    expect(lines.at(-1)?.msg).toBe('ready again');
  });

  it.each(['/health', '/readyz'])('%s asks the database once a second, ready or not', async (path) => {
    const asked =
      path === '/health' ? vi.spyOn(opened.store.jobs, 'measureQueue') : vi.spyOn(opened.store, 'requireReady');
    const begin = performance.now();
    for (let times = 0; times < 50; times += 1) await Promise.all([request(path), request(path)]);
    const once = asked.mock.calls.length;
    expect(once).toBeLessThanOrEqual(1 + (performance.now() - begin) / 1_000);
    const askAgain = async (): Promise<number> => {
      await request(path);
      return asked.mock.calls.length;
    };
    await expect.poll(askAgain, { timeout: 5_000 }).toBeGreaterThan(once);
  });
});
