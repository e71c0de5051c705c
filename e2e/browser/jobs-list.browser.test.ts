/** The list of jobs while jobs come and go: nothing moves under the eyes of the reader. */
import type { ProsemillClient } from '@prosemill/client';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { browserTest } from './browser-test.ts';
import { launchPage } from './page-service.ts';
import { cancelJobs, dialog, goTo, heading, openPage, pauseQueue, row, submitJobs } from './verbs.ts';

const short = { prompt: 'The old king', max_new_tokens: 2 };
const it = browserTest(async () => await launchPage({ RATE_LIMIT_PER_MINUTE: '0' }));

it('tells of new jobs, and shows them when the reader asks', async ({ page, client }) => {
  await write(client, 30);
  await openPage(page, '#/jobs');
  await row(page, 29).waitFor();
  await row(page, 20).scrollIntoViewIfNeeded();
  const first = await firstId(page);
  const place = await topOf(page, 20);
  await write(client, 3);
  const news = page.getByRole('button', { name: '3 new · show' });
  await news.waitFor();
  expect(await topOf(page, 20)).toBe(place);
  expect(await firstId(page)).toBe(first);
  await news.click();
  await expect.poll(async () => await row(page, 3).getAttribute('data-id')).toBe(first);
  await news.waitFor({ state: 'detached' });
});

it('changes rows in place, unless it is held', async ({ page, client }) => {
  const resume = await pauseQueue(client);
  await submitJobs(client, 1, short);
  await openPage(page, '#/jobs');
  await row(page, 0).getByText('queued').waitFor();
  const hold = page.getByRole('button', { name: 'Hold the list', exact: true });
  await hold.click();
  await resume();
  const id = await firstId(page);
  await client.wait(id);
  const requests: string[] = [];
  page.on('request', (sent) => requests.push(new URL(sent.url()).pathname));
  // The page asks for the health of the service every few seconds: in this time a live list asks for jobs.
  await page.waitForResponse(/\/health$/);
  expect(requests).not.toContain('/jobs');
  await row(page, 0).getByText('queued').waitFor();
  await page.keyboard.press('.');
  await row(page, 0).getByText('succeeded').waitFor();
});

it('keeps its filters in the address, and the back button undoes them', async ({ page, client }) => {
  const resume = await pauseQueue(client);
  await cancelJobs(client, await submitJobs(client, 1, short));
  await resume();
  await write(client, 1);
  await openPage(page, '#/jobs');
  await row(page, 1).waitFor();
  await page.getByRole('checkbox', { name: 'canceled', exact: true }).check();
  await page.waitForURL(/#\/jobs\?status=canceled$/);
  await expect.poll(async () => await statuses(page)).toEqual(['canceled']);
  await page.getByRole('checkbox', { name: 'failed', exact: true }).check();
  await page.waitForURL(/status=failed&status=canceled$/);
  await page.reload();
  await expect.poll(async () => await statuses(page)).toEqual(['canceled']);
  await row(page, 0).getByRole('link').click();
  await heading(page, /^canceled/).waitFor();
  await page.goBack();
  await expect.poll(async () => await statuses(page)).toEqual(['canceled']);
  await page.goBack();
  await page.waitForURL(/#\/jobs\?status=canceled$/);
  await page.goBack();
  await page.waitForURL(/#\/jobs$/);
  await expect.poll(async () => (await statuses(page)).toSorted()).toEqual(['canceled', 'succeeded']);
  await page.goForward();
  await expect.poll(async () => await statuses(page)).toEqual(['canceled']);
  // The navigation leads back to the list as it was left.
  await goTo(page, 'Machine');
  await goTo(page, 'Jobs');
  await page.waitForURL(/#\/jobs\?status=canceled$/);
  await page.getByLabel('From', { exact: true }).fill('2001-01-01');
  await page.getByLabel('To', { exact: true }).fill('2001-01-02');
  await page.getByText('Nothing matches.').waitFor();
  await page.getByRole('link', { name: 'Clear filters' }).click();
  await row(page, 1).waitFor();
});

it('cancels the selected jobs that have not ended, with their number', async ({ page, client }) => {
  await write(client, 1);
  await pauseQueue(client);
  await submitJobs(client, 2, short);
  await openPage(page, '#/jobs');
  for (const place of [0, 1, 2]) await row(page, place).getByRole('checkbox').check();
  await page.getByText('3 selected').waitFor();
  await page.getByRole('button', { name: 'Cancel 2', exact: true }).click();
  await dialog(page).getByRole('button', { name: 'Leave it' }).click();
  await row(page, 0).getByText('queued').waitFor();
  await page.getByRole('button', { name: 'Cancel 2', exact: true }).click();
  await dialog(page).getByRole('button', { name: 'Cancel 2 jobs' }).click();
  await row(page, 1).getByText('canceled').waitFor();
  await row(page, 0).getByText('canceled').waitFor();
  await row(page, 2).getByText('succeeded').waitFor();
  await page.getByText('3 selected').waitFor({ state: 'detached' });
});

it('knows which job repeats which', async ({ page, client }) => {
  await write(client, 1);
  await openPage(page, '#/jobs');
  const original = await firstId(page);
  await row(page, 0)
    .getByRole('button', { name: /^Again/ })
    .click();
  await expect.poll(async () => await firstId(page)).not.toBe(original);
  await openPage(page, `#/jobs?retry_of=${original}`);
  await row(page, 0).getByText('succeeded').waitFor();
  await page.getByText(`Repetitions of ${original.slice(0, 8)}…`).waitFor();
  await row(page, 0).getByRole('link').click();
  await page.getByRole('link', { name: original }).click();
  await page.waitForURL(`**/#/jobs/${original}`);
  await page.getByRole('link', { name: 'Show them' }).click();
  await page.waitForURL(`**/#/jobs?retry_of=${original}`);
});

/** Writes short texts, and waits for their ends. */
async function write(client: ProsemillClient, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, async () => await client.generate(short)));
}

const firstId = async (page: Page): Promise<string> => (await row(page, 0).getAttribute('data-id')) ?? '';
const topOf = async (page: Page, place: number): Promise<number | undefined> =>
  (await row(page, place).boundingBox())?.y;
const statuses = async (page: Page): Promise<readonly string[]> => [
  ...new Set(await page.locator('.job-row .status').allTextContents()),
];
