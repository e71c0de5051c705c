/** A disk without room under the database. Numbers as in docs/guarantees.md. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { checkHistory, createHistoryRecorder, openSmallDisk, openSql } from '@prosemill/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { launchStandalone } from '../launch.ts';
import { defaultLimits } from './cluster.ts';
import { LoadClient, longText } from './load-client.ts';
import { until } from './until.ts';

const mebibyte = 1_024 * 1_024;
const full = { status: 503, body: { code: 'database_unavailable', detail: 'The disk of the database is full.' } };

it('18: the disk of SQLite full under load: 503 with the reason, texts are kept and written when there is room', async () => {
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
  const problems = async (): Promise<unknown> =>
    ((await (await fetch(`${service.url}/health`)).json()) as { problems: unknown }).problems;

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
