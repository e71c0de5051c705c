/** A full disk under the database. Numbers as in docs/guarantees.md. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from '@prosemill/client';
import { openSmallDisk, openSql } from '@prosemill/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { checkHistory } from '../proof/history/check-history.ts';
import { createHistoryRecorder } from '../proof/history/record-history.ts';
import { launchStandalone } from '../launch.ts';
import { defaultLimits } from './cluster.ts';
import { clientOf, expectAllSucceeded, expectNoViolation, launch, submitMany } from './fault-test.ts';
import { oldestOf } from './faults.ts';
import { type Heard, LoadClient, longText } from './load-client.ts';
import { until } from './until.ts';

const mebibyte = 1_024 * 1_024;
const full = { status: 503, body: { code: 'database_unavailable', detail: 'The disk of the database is full.' } };

const problemsOf = async (url: string): Promise<readonly string[]> => (await createClient({ url }).health()).problems;

it('18: while the disk of SQLite is full under load, submits get 503 with the reason, and texts are kept until there is room', async () => {
  const disk = await openSmallDisk(16 * mebibyte);
  onTestFinished(async () => await disk.close());
  mkdirSync(join(disk.path, 'data'));
  const url = `sqlite:${join(disk.path, 'data', 'prosemill.db')}`;
  const recorder = createHistoryRecorder({ limits: defaultLimits });
  const service = await launchStandalone({ DATABASE_URL: url, LEASE_SECONDS: '30', WORKERS: '4' });
  onTestFinished(async () => void (await service.stop('SIGKILL')));
  const client = new LoadClient({ name: 'client', urls: () => [service.url], recorder });
  const [standalone] = service.processes;
  const lines = (message: string): number => standalone?.log.filter(({ msg }) => msg === message).length ?? 0;
  const problems = async () => await problemsOf(service.url);

  await until('a worker', async () => (await client.submit({ path: '/generate' })).status === 200, 60_000);
  for (let round = 0; round < 2; round += 1) {
    const before = lines('job attempt started');
    const accepted = await Promise.all(
      Array.from({ length: 6 }, async () => await client.submit({ request: longText })),
    );
    expect(accepted.map(({ status }) => status)).toEqual(accepted.map(() => 202));
    await until('texts on their way', () => lines('job attempt started') >= before + 4, 30_000);
    const waited = lines('database is not available yet');
    disk.fill();
    expect(await client.submit()).toMatchObject(full);
    expect(await client.submit({ path: '/generate' })).toMatchObject(full);
    expect(await problems()).toContain('The disk of the database is full.');
    expect((await client.read(accepted[0]?.id ?? '')).status).toBe(200);
    await until('texts that wait for room', () => lines('database is not available yet') >= waited + 4, 60_000);
    disk.free();
    for (const { id } of accepted) {
      const isDone = async () => (await client.read(id ?? '')).body['status'] === 'succeeded';
      await until('every text', isDone, 60_000);
      expect((await client.read(id ?? '')).body).toMatchObject({ attempt: 1 });
    }
    await until('health', async () => JSON.stringify(await problems()) === '[]', 30_000);
  }

  disk.fill();
  expect(await service.stop('SIGTERM')).toEqual([0]);
  disk.free();
  for (const line of standalone?.log ?? []) recorder.addLogLine(line);
  const sql = await openSql(url);
  expect(await sql.execute('pragma integrity_check')).toEqual([{ integrity_check: 'ok' }]);
  await recorder.readTables(sql.execute);
  await sql.close();
  expect(checkHistory(recorder.history)).toEqual([]);
});

/** Texts run when the disk becomes full, and end while it is full or soon after. */
async function expectTextsAreKept(size: 'full' | 'postgres'): Promise<void> {
  const texts = 12;
  const leaseSeconds = 60;
  const disk = await openSmallDisk(32 * mebibyte);
  const cluster = await launch({
    size,
    disk,
    workers: 1,
    environment: { LEASE_SECONDS: String(leaseSeconds), WORKERS: String(texts) },
    limits: { leaseMs: leaseSeconds * 1_000 },
  });
  const client = clientOf(cluster);
  const { url } = oldestOf(cluster, 'apis');
  const { log } = oldestOf(cluster, 'workers').process;
  const running = await submitMany(client, texts, { request: longText });
  await until('all texts to run', () => running.every((id) => cluster.startsOf(id) === 1), 30_000);
  disk.fill();
  const { refused, accepted } = await submitUntilRefused(client, 12);
  for (const answer of refused) expect(answer).toMatchObject(full);
  await until('the reason in /health', async () => String(await problemsOf(url)).includes(full.body.detail), 10_000);
  expect((await client.read(running[0] ?? '')).status).toBe(200);
  const waits = () => log.filter(({ msg }) => msg === 'database is not available yet').length;
  await until('texts that wait for room', () => waits() >= 4, 30_000);
  disk.free();
  await cluster.settle(60_000);
  await expectAllSucceeded(cluster, texts + accepted.length);
  expect(running.map((id) => cluster.startsOf(id))).toEqual(running.map(() => 1));
  await until('health', async () => String(await problemsOf(url)) === '', 30_000);
  await expectNoViolation(cluster);
}

/**
 * Each client submits until it is refused, every second one through `/generate`. A full disk is not noticed at once:
 * each connection of Postgres still has a page with room for some rows.
 */
async function submitUntilRefused(
  client: LoadClient,
  clients: number,
): Promise<{ readonly refused: readonly Heard[]; readonly accepted: readonly Heard[] }> {
  const accepted: Heard[] = [];
  const submits = Array.from({ length: clients }, async (_, index) => {
    for (;;) {
      const answer = await client.submit(index % 2 === 0 ? {} : { path: '/generate', waitSeconds: 1 });
      if (answer.status !== 200 && answer.status !== 202) return answer;
      accepted.push(answer);
    }
  });
  return { refused: await Promise.all(submits), accepted };
}

/** Both cases run at the same time on separate disks. */
it('18: while the disk of Postgres is full under load, submits get 503 with the reason, and texts are kept until there is room', async () => {
  await Promise.all((['full', 'postgres'] as const).map(async (size) => await expectTextsAreKept(size)));
});
