/** The processes on a schema of another version, and on an unusable database. */
import type { JobBody } from '@prosemill/contract';
import { createTestDatabase, openSql } from '@prosemill/testkit';
import { expect, inject, it, onTestFinished } from 'vitest';
import { createClient } from './http-client.ts';
import { migrateDatabase, type Program, ServiceProcess, startSeparate, testEnvironment } from './launch.ts';

async function createDatabase(encoding = 'UTF8') {
  const { url, drop } = await createTestDatabase(inject('postgresUrl'), { encoding });
  onTestFinished(drop);
  const sql = await openSql(url);
  onTestFinished(async () => await sql.close());
  return { environment: { DATABASE_URL: url }, execute: sql.execute };
}

it('every process and the migration refuse a database that is not UTF8, and say how to make one', async () => {
  const { environment } = await createDatabase('SQL_ASCII');
  const programs: readonly Program[] = [
    'apps/api/src/commands/migrate.ts',
    'apps/api/src/main.ts',
    'apps/worker/src/main.ts',
    'apps/standalone/src/main.ts',
  ];
  const endings = programs.map(async (program) => {
    const process = new ServiceProcess(program, { ...testEnvironment, ...environment });
    onTestFinished(async () => void (await process.stop('SIGKILL')));
    return [program, await process.ended(), process.output];
  });
  const words = /DATABASE_URL: the database has the encoding SQL_ASCII, .* create database prosemill encoding 'UTF8'/;
  expect(await Promise.all(endings)).toEqual(programs.map((program) => [program, 1, expect.stringMatching(words)]));
});

it('a newer schema is left alone: pnpm migrate says so and exits with 0, and API and worker run', async () => {
  const { environment, execute } = await createDatabase();
  await migrateDatabase(environment);
  await execute(
    `insert into kysely_migration values ('9998-a', '2999-01-01T00:00:00.000Z'), ('9999-b', '2999-01-02T00:00:00.000Z')`,
  );
  const migration = new ServiceProcess('apps/api/src/commands/migrate.ts', environment);
  expect(await migration.ended()).toBe(0);
  expect(migration.transcript()).toMatch(/made by a newer version/);
  const service = await startSeparate(environment);
  onTestFinished(async () => void (await service.stop('SIGKILL')));
  const request = await createClient(service.url);
  const { status } = await request<JobBody>('/generate', { json: { prompt: 'Once upon a time', max_new_tokens: 2 } });
  expect(status).toBe(200);
});

it('API and worker wait for a schema without a storm of errors, and work as soon as it is there', async () => {
  const { environment } = await createDatabase();
  const service = await startSeparate(environment);
  onTestFinished(async () => void (await service.stop('SIGKILL')));
  const request = await createClient(service.url);
  const generate = { json: { prompt: 'Once upon a time', max_new_tokens: 2 } };
  expect(await request('/generate', generate)).toMatchObject({ status: 503, body: { code: 'database_unavailable' } });
  expect(await request('/readyz')).toMatchObject({
    status: 503,
    body: { detail: 'The schema is missing; run pnpm migrate.' },
  });
  const waiting = service.processes.map(
    async (process) => await process.logged({ msg: 'database is not available yet' }),
  );
  await Promise.all(waiting);
  await migrateDatabase(environment);
  await expect.poll(async () => (await request('/generate', generate)).status, { timeout: 15_000 }).toBe(200);
  const storms = service.processes.map(({ log }) => log.filter(({ level }) => level === 'error').length);
  expect(storms).toEqual([0, 0]);
});
