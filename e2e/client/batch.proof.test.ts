/** A large batch of the command line survives its process. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it, onTestFinished } from 'vitest';
import { launchEmbedded } from '../sizes.ts';
import { expectWholeBatch } from './killed-batch.ts';

it('ends with exactly 5,000 results, killed three times', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-batch-'));
  const service = await launchEmbedded({ WORKERS: '16' });
  onTestFinished(async () => {
    await service.stop();
    await rm(folder, { recursive: true });
  });
  await expectWholeBatch({ url: service.url, folder, lines: 5_000 });
}, 300_000);
