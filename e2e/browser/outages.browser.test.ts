/** Processes that die while a reader watches a text: it goes on. */
import { createTestDatabase, createTestFolder, freePort, writeGpt2Folder } from '@prosemill/testkit';
import { expect, inject } from 'vitest';
import {
  type Environment,
  migrateDatabase,
  type Program,
  type Service,
  ServiceProcess,
  testEnvironment,
} from '../launch.ts';
import { redisUrlForThisFile } from '../sizes.ts';
import { browserTest } from './browser-test.ts';
import { brake, pageEnvironment } from './page-service.ts';
import { jobOnPage, openPage, sample, sampleIs, sampleText, writeHalf } from './verbs.ts';

interface RestartableService extends Service {
  readonly processes: ServiceProcess[];
  /** Kills the API or the worker. */
  readonly kill: (program: Program) => Promise<void>;
  /** Starts it again: the API at its old address. @param more  Variables of this process. */
  readonly start: (program: Program, more?: Environment) => Promise<void>;
}

const api = 'apps/api/src/main.ts';
const worker = 'apps/worker/src/main.ts';

async function launchRestartable(): Promise<RestartableService> {
  const database = await createTestDatabase(inject('postgresUrl'));
  const port = String(await freePort());
  const environment = {
    ...testEnvironment,
    ...pageEnvironment,
    DATABASE_URL: database.url,
    REDIS_URL: redisUrlForThisFile(),
    LEASE_SECONDS: '3',
  };
  await migrateDatabase(environment);
  const processes: ServiceProcess[] = [];
  const current = new Map<Program, ServiceProcess>();
  const start = async (program: Program, more: Environment = {}): Promise<void> => {
    const place = program === api ? { PORT: port } : {};
    const process = new ServiceProcess(program, { ...environment, ...place, ...more });
    processes.push(process);
    current.set(program, process);
    await process.logged({ msg: program === api ? 'the API listens' : 'the worker takes jobs' });
  };
  await Promise.all([start(api), start(worker)]);
  return {
    url: `http://127.0.0.1:${port}`,
    processes,
    start,
    kill: async (program) => void (await current.get(program)?.stop('SIGKILL')),
    async stop(signal) {
      const codes = await Promise.all(processes.map(async (process) => await process.stop(signal)));
      await database.drop();
      return codes;
    },
  };
}

const it = browserTest(launchRestartable);

it('a text goes on after its API was killed and came back, and meanwhile the page says so', async ({
  page,
  watch,
  service,
  client,
}) => {
  const engines = brake(service);
  await openPage(page);
  const half = await writeHalf(page, engines);
  watch.expectFailures(/ net::ERR_/);
  await service.kill(api);
  const away = `No answer from ${new URL(service.url).host}.`;
  for (const seconds of [3, 2]) await page.getByText(`${away} Trying again in ${seconds} s`).waitFor();
  await sample(page).getByText('Connection lost').waitFor();
  expect((await sampleText(page)).startsWith(half)).toBe(true);
  await service.start(api);
  await sample(page).getByText('Connection lost').waitFor({ state: 'hidden' });
  engines.release();
  await sampleIs(page, 'Done');
  expect(await sampleText(page)).toBe((await jobOnPage(page, client)).output?.generated_text);
  await page.getByText('No answer from', { exact: false }).waitFor({ state: 'hidden' });
});

it('a text goes on where it was after its worker was killed, for the same seed gives the same text', async ({
  page,
  service,
  client,
}) => {
  const engines = brake(service);
  await openPage(page);
  const half = await writeHalf(page, engines);
  await service.kill(worker);
  await service.start(worker);
  await sampleIs(page, 'Done');
  const job = await jobOnPage(page, client);
  expect(job.attempt).toBe(2);
  const text = await sampleText(page);
  expect(text).toBe(job.output?.generated_text);
  expect(text.startsWith(half)).toBe(true);
  expect(await sample(page).getByText('Begun anew after a fault.').count()).toBe(0);
});

it('a text begins anew, and says so, when a worker with another model takes the place of its own', async ({
  page,
  service,
  client,
}) => {
  const folder = await createTestFolder();
  await writeGpt2Folder(folder, { config: { n_positions: 512 } });
  const engines = brake(service);
  await openPage(page);
  await writeHalf(page, engines);
  await service.kill(worker);
  await service.start(worker, { MODEL: folder, MODEL_DTYPE: 'fp32' });
  await sample(page).getByText('Begun anew after a fault.').waitFor();
  await sampleIs(page, 'Done');
  expect(await sampleText(page)).toBe((await jobOnPage(page, client)).output?.generated_text);
});
