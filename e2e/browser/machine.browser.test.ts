/** The machine at work, under the eyes and the pointer of its reader. */
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { browserTest } from './browser-test.ts';
import { launchWithEndedJobs } from './ended-jobs.ts';
import { brake } from './page-service.ts';
import { cancelJobs, openPage, pauseQueue, submitJobs } from './verbs.ts';

/** Four slots, and a quarter of an hour of work behind it. */
const it = browserTest(
  async () => await launchWithEndedJobs({ count: 900, everyMs: 1_000 }, { RATE_LIMIT_PER_MINUTE: '0' }),
);
const work = { prompt: 'The old king', max_new_tokens: 480 };
const firstChart = 'Tokens a second';
const legend = (page: Page) => page.locator('figure').first().locator('.chart-legend b');
const chart = (page: Page) => page.getByRole('img', { name: new RegExp(`^${firstChart}`) });
const slider = (page: Page) => page.getByRole('slider', { name: /^Values of/ });

it('keeps the values under a pointer that rests, and goes on', async ({ page, service, client }) => {
  brake(service).slow();
  await submitJobs(client, 2, work);
  await openPage(page, '#/machine');
  await page.getByText('of yours').first().waitFor({ state: 'attached' });
  // The page no longer moves under the pointer, whose moment is some minutes ago.
  await chartOfPast(page);
  await chart(page).hover();
  await expect.poll(async () => await secondsAgo(page)).toBeGreaterThan(60);
  const moment = await slider(page).getAttribute('aria-valuetext');
  const value = await legend(page).textContent();
  const element = await legend(page).elementHandle();
  const canvas = await chart(page).locator('canvas').elementHandle();
  const written = await tokensWritten(page);
  const started = await secondsAgo(page);

  await expect.poll(async () => await tokensWritten(page)).toBeGreaterThan(written);
  await expect.poll(async () => (await secondsAgo(page)) - started).toBeGreaterThanOrEqual(5);
  expect(await slider(page).getAttribute('aria-valuetext')).toBe(moment);
  expect(await legend(page).textContent()).toBe(value);
  expect(await element?.isVisible()).toBe(true);
  expect(await canvas?.isVisible()).toBe(true);
  await page.mouse.move(0, 0);
  await page.getByText('Values of now').waitFor();
});

it('says how it is in a sentence, and what each slot does', async ({ page, service, client }) => {
  await openPage(page, '#/machine');
  await page.getByText('One worker, 0 of 4 slots busy, nothing waits.').waitFor();
  await page.getByText('Healthy.', { exact: false }).first().waitFor();
  brake(service).slow();
  const ids = await submitJobs(client, 6, work);
  await page.getByText('One worker, 4 of 4 slots busy, 2 jobs wait.').waitFor();
  const slots = page.getByRole('list', { name: /^Slots of worker/ }).getByRole('listitem');
  expect(await slots.count()).toBe(4);
  const written = await tokensWritten(page);
  await expect.poll(async () => await tokensWritten(page)).toBeGreaterThan(written);
  const resume = await pauseQueue(client);
  await page.getByText('Paused.', { exact: false }).first().waitFor();
  await resume();
  await cancelJobs(client, ids);
  await page.getByText('One worker, 0 of 4 slots busy, nothing waits.').waitFor();
  await page.getByText('Slot 1: free').waitFor({ state: 'attached' });
});

it('shows the past after a reload, also as a table and by keys', async ({ page }) => {
  await openPage(page, '#/machine');
  await chartOfPast(page);
  await page.reload();
  await chartOfPast(page);
  await page.getByRole('button', { name: 'Show as table' }).click();
  const table = page.getByRole('table', { name: /^Ended jobs a minute/ });
  await table.waitFor();
  expect(await table.getByRole('row').count()).toBeGreaterThan(10);
  expect(await table.getByRole('columnheader').allInnerTexts()).toEqual([
    'From',
    'done',
    'failed',
    'canceled',
    'expired',
  ]);
  await page.getByRole('button', { name: 'Show as table' }).click();

  await slider(page).focus();
  await page.keyboard.press('ArrowLeft');
  await expect.poll(async () => await secondsAgo(page)).toBeGreaterThan(0);
  await page.keyboard.press('Home');
  await expect.poll(async () => await secondsAgo(page)).toBeGreaterThanOrEqual(899);
  await page.keyboard.press('End');
  await page.getByText('Values of now').waitFor();
});

/** A job ended in each second of the seeded past. */
async function chartOfPast(page: Page): Promise<void> {
  await page.getByRole('img', { name: /^Ended jobs a minute: done is .* and was [1-9]\d* at most/ }).waitFor();
}

const secondsAgo = async (page: Page): Promise<number> => -Number(await slider(page).inputValue());

/** In all slots. */
async function tokensWritten(page: Page): Promise<number> {
  const words = await page.getByText(/^Slot \d+: writes/).allTextContents();
  return words.reduce((sum, text) => sum + Number(/writes, (\d+)/.exec(text)?.[1]), 0);
}
