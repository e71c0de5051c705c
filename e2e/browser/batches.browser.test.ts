/** A batch on its page, its jobs in the list, and the batch of a job. */
import type { ProsemillClient } from '@prosemill/client';
import { expect, onTestFinished } from 'vitest';
import { browserTest } from './browser-test.ts';
import { launchPage } from './page-service.ts';
import { dialog, hasFocus, heading, openPage, pauseQueue, row } from './verbs.ts';

const it = browserTest(launchPage);

it('shows how far a batch is, its jobs and their texts', async ({ page, client }) => {
  const resume = await pauseQueue(client);
  const id = await submitBatch(client, ['king', 'queen', 'raven']);
  await openPage(page, `#/batches/${id}`);
  await page.getByText(/^0 of 3 jobs ended/).waitFor();
  await page.getByRole('link', { name: '3 queued' }).waitFor();
  await resume();
  await page.getByText(/^3 of 3 jobs ended/).waitFor();
  await page.getByText('The batch has ended.').waitFor({ state: 'attached' });
  await page.getByRole('button', { name: /^Cancel/ }).waitFor({ state: 'detached' });

  await page.getByRole('link', { name: '3 succeeded' }).click();
  await page.waitForURL((url) => url.hash === `#/jobs?status=succeeded&batch_id=${id}`);
  await row(page, 2).waitFor();
  expect(await page.locator('.job-row').count()).toBe(3);
  await page.getByRole('link', { name: 'Show the batch' }).click();
  await page.getByRole('link', { name: 'queen', exact: true }).click();
  await heading(page, /^succeeded/).waitFor();
  await page.getByText('The old queen').waitFor();
  expect(await page.getByText('Name in the batch').locator('xpath=following-sibling::dd').textContent()).toBe('queen');
  await page.getByRole('link', { name: id }).click();
  await hasFocus(heading(page, /^Batch/));
});

it('lists the jobs of a batch only, until the reader removes the filter', async ({ page, client }) => {
  await client.generate({ prompt: 'Another', max_new_tokens: 2 });
  const id = await submitBatch(client, ['king']);
  await openPage(page, `#/jobs?batch_id=${id}`);
  await row(page, 0).getByText('The old king').first().waitFor();
  expect(await page.locator('.job-row').count()).toBe(1);
  await page.getByRole('button', { name: `Batch ${id.slice(0, 8)}…` }).click();
  await page.waitForURL((url) => url.hash === '#/jobs');
  await row(page, 1).waitFor();
});

it('cancels the jobs of a batch that have not ended, after a question with their number', async ({ page, client }) => {
  await pauseQueue(client);
  const id = await submitBatch(client, ['king', 'queen']);
  await openPage(page, `#/batches/${id}`);
  await page.getByRole('button', { name: 'Cancel 2…' }).click();
  await dialog(page).getByRole('button', { name: 'Leave it' }).click();
  await page.getByRole('link', { name: '2 queued' }).waitFor();
  await page.getByRole('button', { name: 'Cancel 2…' }).click();
  await dialog(page).getByRole('button', { name: 'Cancel 2 jobs' }).click();
  await page.getByRole('link', { name: '2 canceled' }).waitFor();
  await hasFocus(heading(page, /^Batch/));
});

it('takes its question back when the reader leaves the batch', async ({ page, client }) => {
  await pauseQueue(client);
  const id = await submitBatch(client, ['king']);
  await openPage(page, '#/jobs');
  await page.evaluate(`location.hash = '#/batches/${id}'`);
  await page.getByRole('button', { name: 'Cancel 1…' }).click();
  await dialog(page).waitFor();
  await page.goBack();
  await dialog(page).waitFor({ state: 'detached' });
  expect((await client.getBatch(id)).counts).toMatchObject({ queued: 1, canceled: 0 });
});

it('says that there is no such batch', async ({ page, watch }) => {
  watch.expectFailures(/^GET \/batches\/\S+ 404$/);
  await openPage(page, '#/batches/01a20b62-a4a8-7b7f-b207-5eab5d2c5e4a');
  await page.getByText('There is no such job or batch').waitFor();
});

it('shows metadata apart from the facts, and as text', async ({ page, client }) => {
  const metadata = { Seed: 'not the seed', markup: '<b>bold</b>' };
  const { job_id: id } = await client.generate({ prompt: 'The old king', max_new_tokens: 2, metadata });
  await openPage(page, `#/jobs/${id}`);
  const list = page.locator('dl[aria-labelledby=metadata-title]');
  await list.waitFor();
  expect((await list.locator('dt').allTextContents()).toSorted()).toEqual(Object.keys(metadata));
  expect((await list.locator('dd').allTextContents()).toSorted()).toEqual(Object.values(metadata).toSorted());
});

/** @returns the id of a batch with a prompt for each name, canceled at the end of the test */
async function submitBatch(client: ProsemillClient, names: readonly string[]): Promise<string> {
  const requests = names.map((custom_id) => ({ custom_id, prompt: `The old ${custom_id}`, max_new_tokens: 2 }));
  const { id } = await client.submitBatch(requests);
  onTestFinished(async () => void (await client.cancelBatch(id)));
  return id;
}
