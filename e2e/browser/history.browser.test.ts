/** The history in the hands of its reader: search, filters by metadata, export and deletion. */
import { readFile } from 'node:fs/promises';
import type { GenerationRequest, ProsemillClient } from '@prosemill/client';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { browserTest } from './browser-test.ts';
import { launchPage } from './page-service.ts';
import { dialog, drawn, hasFocus, heading, openPage, row } from './verbs.ts';

const it = browserTest(async () => await launchPage({ RATE_LIMIT_PER_MINUTE: '0' }));

it('finds jobs by their words while the reader types, and the back button undoes the search', async ({
  page,
  client,
}) => {
  await write(client, { prompt: 'The café of the walrus' });
  await write(client, { prompt: 'The old king' });
  await openPage(page, '#/jobs');
  await row(page, 1).waitFor();
  await drawn(page);
  await page.keyboard.press('/');
  const search = page.getByRole('searchbox', { name: 'Search prompts and texts' });
  await hasFocus(search);
  await page.keyboard.type('WALRUS "the cafe"');
  await page.waitForURL((url) => url.hash === '#/jobs?q=WALRUS+%22the+cafe%22');
  await expectPrompts(page, ['The café of the walrus']);
  await hasFocus(search);
  await page.reload();
  await expectPrompts(page, ['The café of the walrus']);
  expect(await search.inputValue()).toBe('WALRUS "the cafe"');
  // Not a longer word: the text may go on with the last word of the prompt.
  await search.fill('walru');
  await page.getByText('Nothing matches.').waitFor();
  await page.goBack();
  await page.waitForURL((url) => url.hash === '#/jobs');
  await row(page, 1).waitFor();
  await expect.poll(async () => await search.inputValue()).toBe('');
});

it('filters by metadata, from the list and from a job', async ({ page, client }) => {
  await write(client, { prompt: 'Of customer 4711', metadata: { customer: '4711', kind: 'a:b' } });
  await write(client, { prompt: 'Of customer 4712', metadata: { customer: '4712' } });
  await openPage(page, '#/jobs');
  await row(page, 1).waitFor();
  const field = page.getByLabel('Metadata', { exact: true });
  await field.fill('no colon');
  await field.press('Enter');
  expect(new URL(page.url()).hash).toBe('#/jobs');
  await field.fill('customer:4711');
  await field.press('Enter');
  await page.waitForURL((url) => new URLSearchParams(url.hash.slice(7)).get('metadata') === 'customer:4711');
  await expectPrompts(page, ['Of customer 4711']);
  await page.getByRole('button', { name: /^customer:4711/ }).click();
  await page.waitForURL((url) => url.hash === '#/jobs');
  await row(page, 1).waitFor();
  await page.getByRole('link', { name: /^Of customer 4711/ }).click();
  await page.getByRole('link', { name: 'a:b', exact: true }).click();
  await expectPrompts(page, ['Of customer 4711']);
});

it('exports the texts of a search as JSON lines and as CSV', async ({ page, client }) => {
  await write(client, { prompt: 'Exported = "once"' });
  await write(client, { prompt: 'Another' });
  await openPage(page, '#/jobs?q=exported');
  await expectPrompts(page, ['Exported = "once"']);
  const lines = (await exported(page, 'JSON lines', 'history.jsonl')).trimEnd().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as { prompt: string }).prompt)).toEqual(['Exported = "once"']);
  const table = await exported(page, 'CSV', 'history.csv');
  expect(table).toContain('"Exported = ""once"""');
  expect(table).not.toContain('Another');
  // An export has no such filter.
  await page.getByRole('checkbox', { name: 'failed', exact: true }).check();
  await page.getByRole('button', { name: 'Export', exact: true }).waitFor({ state: 'detached' });
});

it('deletes a job by two presses, and says afterwards that it is gone', async ({ page, client, watch }) => {
  const id = await write(client, { prompt: 'Not for long' });
  await openPage(page, '#/jobs?q=long');
  await row(page, 0).getByRole('link').click();
  await heading(page, /^succeeded/).waitFor();
  const first = page.getByRole('button', { name: 'Delete…' });
  await first.press('Enter');
  const question = page.getByRole('group', { name: 'Delete this job and its text for good?' });
  await hasFocus(question.getByRole('button', { name: 'Keep' }));
  expect(await dialog(page).count()).toBe(0);
  await page.keyboard.press('Escape');
  await hasFocus(first);
  await first.press('Enter');
  await hasFocus(question.getByRole('button', { name: 'Keep' }));
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.getByText('Deleted.', { exact: true }).waitFor();
  await page.waitForURL((url) => url.hash === '#/jobs?q=long');
  await page.getByText('Nothing matches.').waitFor();
  await expect(client.job(id)).rejects.toMatchObject({ status: 410 });
  watch.expectFailures(new RegExp(String.raw`^GET /jobs/${id} 410$`));
  await page.goto(`/#/jobs/${id}`);
  await page.getByText('This job was deleted. Its text is gone for good.').waitFor();
});

it('deletes the selected jobs that have ended, with their number', async ({ page, client }) => {
  const metadata = { part: 'selected' };
  for (const prompt of ['One', 'Two', 'Three']) await write(client, { prompt, metadata });
  await openPage(page, '#/jobs?metadata=part:selected');
  await row(page, 2).waitFor();
  for (const place of [0, 1]) await row(page, place).getByRole('checkbox').check();
  await page.getByRole('button', { name: 'Delete 2…' }).click();
  const question = page.getByRole('group', { name: 'Delete 2 jobs for good?' });
  await question.getByRole('button', { name: 'Delete', exact: true }).click();
  await expectPrompts(page, ['One']);
  await hasFocus(row(page, 0).getByRole('link'));
});

/** @returns the id of the job of a text that was written */
const write = async (client: ProsemillClient, request: GenerationRequest): Promise<string> =>
  (await client.generate({ max_new_tokens: 2, ...request })).job_id;

/** Waits until the list has just these jobs. */
async function expectPrompts(page: Page, prompts: readonly string[]): Promise<void> {
  await expect.poll(async () => await page.locator('.job-row .given').allTextContents()).toEqual(prompts);
}

/** Downloads an export. @returns the content of the file */
async function exported(page: Page, format: string, file: string): Promise<string> {
  await page.getByRole('button', { name: 'Export', exact: true }).click();
  const coming = page.waitForEvent('download');
  await page.getByRole('button', { name: format, exact: true }).click();
  const download = await coming;
  expect(download.suggestedFilename()).toBe(file);
  return await readFile(await download.path(), 'utf8');
}
