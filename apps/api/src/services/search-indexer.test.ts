import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@prosemill/store';
import { describeServiceConformance, gateCalls, newJob, silentLogger } from '@prosemill/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { createSearchIndexer } from './search-indexer.ts';

it('indexes all waiting jobs in its first round, in batches', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-indexer-'));
  onTestFinished(async () => await rm(folder, { recursive: true }));
  const store = openStore({ url: `sqlite:${join(folder, 'test.db')}`, logger: silentLogger });
  onTestFinished(async () => await store.stop());
  await store.migrate();
  for (let count = 0; count < 45; count += 1) await store.jobs.submit(newJob());
  const batches: number[] = [];
  const indexForSearch = async (limit: number): Promise<number> => {
    const count = await store.jobs.indexForSearch(limit);
    batches.push(count);
    return count;
  };
  const indexer = createSearchIndexer({ jobs: { indexForSearch }, logger: silentLogger });
  indexer.start();
  onTestFinished(async () => await indexer.stop());
  await expect.poll(() => batches).toEqual([20, 20, 5]);
});

describeServiceConformance('the search indexer', async () => {
  const calls = gateCalls({ indexForSearch: async () => 0 });
  const service = createSearchIndexer({ jobs: calls.part, logger: silentLogger });
  return { service, calls, close: async () => undefined };
});
