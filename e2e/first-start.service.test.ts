/** The first start with a model, which builds its graph. */
import { join } from 'node:path';
import { createTestFolder } from '@prosemill/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { createCheckedClient } from './http-client.ts';
import { launchStandalone } from './launch.ts';

it('shows the progress of the graph in /health and the log', async () => {
  const folder = await createTestFolder();
  const DATABASE_URL = `sqlite:${join(folder, 'prosemill.db')}`;
  const service = await launchStandalone({ DATABASE_URL, MODEL: 'shipped', DTYPE: 'int8', MODEL_DIR: folder });
  onTestFinished(async () => void (await service.stop('SIGKILL')));
  const client = await createCheckedClient(service.url);
  const worker = async () => (await client.health()).workers[0];
  await expect.poll(worker, { interval: 20, timeout: 60_000 }).toMatchObject({
    state: 'loading',
    load_progress: expect.any(Number) as number,
    note: expect.stringMatching(/^Preparing the int8 weights: \d+ %$/) as string,
  });
  await expect.poll(worker, { timeout: 60_000 }).toMatchObject({ state: 'ready', load_progress: null, note: null });
  const lines = service.processes[0]?.log.filter(({ phase }) => phase === 'Preparing the int8 weights') ?? [];
  expect(lines.map(({ msg }) => msg)).toEqual(lines.map(() => 'loading the model'));
  const percents = lines.map(({ percent }) => Number(percent));
  expect(percents).toEqual(percents.toSorted((a, b) => a - b));
  expect([percents[0], percents.at(-1)]).toEqual([0, 100]);
  expect(percents.length).toBeGreaterThan(5);
});
