/** Refusals and ends of texts, in words and with the actions that help. */
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { browserTest } from './browser-test.ts';
import { brake, launchPage } from './page-service.ts';
import {
  jobOnPage,
  openPage,
  pressOnSample,
  pressWrite,
  sample,
  sampleIs,
  sampleText,
  setParameter,
  writeHalf,
  writePrompt,
} from './verbs.ts';

const it = browserTest(async () => await launchPage({ MAX_QUEUE_LENGTH: '2' }));

const banner = (page: Page) => page.getByText('The queue is paused since', { exact: false });

it('says at once why a prompt is refused, and again when it is sent', async ({ page, watch }) => {
  watch.expectFailures(/^POST \/jobs\?dry_run=true 400$/);
  watch.expectFailures(/^POST \/jobs 400$/);
  const words = 'This prompt has a word that this installation does not accept.';
  await openPage(page);
  await writePrompt(page, 'I hate this');
  await page.getByRole('status').filter({ hasText: words }).waitFor();
  await pressWrite(page);
  await sampleIs(page, 'Refused');
  await sample(page).getByRole('alert').filter({ hasText: words }).waitFor();
  await writePrompt(page, 'I like this');
  await page.getByRole('status').filter({ hasText: words }).waitFor({ state: 'hidden' });
});

it('offers the room that there is when a request asks for more', async ({ page, watch }) => {
  watch.expectFailures(/^POST \/jobs\?dry_run=true 4\d\d$/);
  await openPage(page);
  await writePrompt(page, 'Once upon a time');
  await setParameter(page, 'New tokens', 512);
  await page.getByText('The prompt has 4 tokens and the model has room for 512 in all.').waitFor();
  await page.getByRole('button', { name: 'Ask for 508' }).click();
  await expect.poll(async () => await page.getByLabel('New tokens', { exact: true }).inputValue()).toBe('508');
  await page.getByText('4 tokens · room for 508 more', { exact: false }).waitFor();
  await page.getByText('The prompt has 4 tokens', { exact: false }).waitFor({ state: 'hidden' });
});

it('says that the queue is paused, and writes when it is resumed', async ({ page, client }) => {
  await client.pauseQueue();
  await openPage(page);
  await banner(page).waitFor();
  await writePrompt(page, 'The old king');
  await setParameter(page, 'New tokens', 8);
  await pressWrite(page);
  await sampleIs(page, 'Queued');
  await client.resumeQueue();
  await sampleIs(page, 'Done');
  await banner(page).waitFor({ state: 'hidden' });
});

it('tries again while the queue is full, until it has room or the reader stops it', async ({ page, watch, client }) => {
  watch.expectFailures(/^POST \/jobs(\?dry_run=true)? 503$/);
  const words = /^The queue is full\. Nothing was stored\. Again in \d+ s\. Trying again…$/;
  await client.pauseQueue();
  for (const seed of [1, 2]) {
    await client.submit({ prompt: 'A fox', max_new_tokens: 4, seed });
  }
  await openPage(page);
  await writePrompt(page, 'The old king');
  await setParameter(page, 'New tokens', 8);
  await pressWrite(page);
  await sample(page).getByText(words).waitFor();
  await pressOnSample(page, 'Stop trying');
  await sampleIs(page, 'Refused');
  await pressWrite(page);
  await sample(page).getByText(words).waitFor();
  await client.resumeQueue();
  await sampleIs(page, 'Done');
});

it('keeps what was written until the deadline', async ({ page, service, client }) => {
  const engines = brake(service);
  await openPage(page);
  await page.getByText('Priority, deadline').click();
  // The service accepts it only if its estimate, which is longer on a busy machine, is earlier.
  const deadlineSeconds = 8;
  await setParameter(page, 'Deadline, seconds', deadlineSeconds);
  await writeHalf(page, engines, { tokens: 100 });
  const { created_at } = await jobOnPage(page, client);
  await expect.poll(() => Date.now()).toBeGreaterThan(Date.parse(created_at) + deadlineSeconds * 1_000);
  engines.slow();
  await sample(page)
    .getByText(/^The time that you gave was over\. Everything that was written/)
    .waitFor();
  const job = await jobOnPage(page, client);
  expect(job.error?.code).toBe('deadline_exceeded');
  expect(await sampleText(page)).toBe(job.output?.generated_text);
});
