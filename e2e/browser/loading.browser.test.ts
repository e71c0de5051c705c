/** A service whose model is on its way: the page works, and says how far it is. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { removeTestFolder, startHubServer } from '@prosemill/testkit';
import { expect } from 'vitest';
import type { Service } from '../launch.ts';
import { afterStop } from '../sizes.ts';
import { browserTest } from './browser-test.ts';
import { launchPage } from './page-service.ts';
import { jobOnPage, openPage, pressWrite, sampleIs, writePrompt } from './verbs.ts';

/** The model's file stops in its middle. */
async function launchLoading(): Promise<Service> {
  const model = fileURLToPath(new URL('../../models/tiny-tales', import.meta.url));
  const hub = await startHubServer({ repositories: { 'acme/tiny': model }, commit: '0123abc' });
  hub.breakNext('model.safetensors', 'stall', 1);
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-loading-'));
  const service = await launchPage({ HF_ENDPOINT: hub.url, MODEL: 'acme/tiny', MODEL_DIR: folder });
  return afterStop(service, async () => {
    await hub.stop();
    await removeTestFolder(folder);
  });
}

const it = browserTest(launchLoading);

it('shows the progress of the model, and takes texts that wait for it', async ({ page, client }) => {
  await openPage(page);
  await page
    .getByRole('banner')
    .getByText(/^Loading [1-9]\d %/)
    .waitFor();
  await writePrompt(page, 'Once upon a time');
  await pressWrite(page);
  await sampleIs(page, 'Queued');
  expect((await jobOnPage(page, client)).status).toBe('queued');
});
