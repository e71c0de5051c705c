/** A million jobs in the history and a hundred under way: the page is as quick as with none. */
import type { Locator, Page } from 'playwright-core';
import { expect } from 'vitest';
import { browserTest } from './browser-test.ts';
import { launchWithEndedJobs } from './ended-jobs.ts';
import { brake, waitForEngine } from './page-service.ts';
import { openThreadClock, threadMs } from './thread-clock.ts';
import {
  chooseSamples,
  drawn,
  heading,
  openPage,
  pressWrite,
  sampleIs,
  sampleText,
  setParameter,
  submitJobs,
  writePrompt,
} from './verbs.ts';

const it = browserTest(
  async () =>
    await launchWithEndedJobs({ count: 1_000_000, everyMs: 1_000 }, { WORKERS: '32', RATE_LIMIT_PER_MINUTE: '0' }),
);
const work = { prompt: 'In the forest', max_new_tokens: 400 };
const mostRows = 1_000;
/** A reader who types fast presses ten keys a second: half of the time is free. */
const msOfKey = 50;

it('lists, filters and opens jobs, and comes back to where the reader was', async ({ page, service, client }) => {
  await waitForEngine(service);
  brake(service).slow();
  await submitJobs(client, 100, work);
  await openPage(page, '#/jobs');
  await row(page, 49).waitFor();
  await page.getByRole('checkbox', { name: 'failed', exact: true }).check();
  await expect.poll(async () => await statuses(page)).toEqual(['failed']);
  await loadMore(page);
  for (const width of [1_280, 360]) {
    await page.setViewportSize({ width, height: 740 });
    await expectReturnToRow(page, 70);
  }
  await page.setViewportSize({ width: 1_280, height: 740 });
  await page.locator('.filters').getByText('Clear filters').click();
  await expect.poll(async () => await row(page, 0).locator('.status').textContent()).toMatch(/^(?:queued|running)$/);

  // The list grows to its limit, and the oldest page leaves then.
  const first = await row(page, 0).getAttribute('data-id');
  while ((await page.locator('.job-row').count()) < mostRows) await loadMore(page);
  expect(await row(page, 0).getAttribute('data-id')).toBe(first);
  const last = await row(page, mostRows - 1).getAttribute('data-id');
  await olderButton(page).click();
  await expect.poll(async () => await row(page, mostRows - 51).getAttribute('data-id')).toBe(last);
  expect(await page.locator('.job-row').count()).toBe(mostRows);
  await page.locator('.live-bar').getByText('Show the newest').click();
  await expect.poll(async () => await row(page, 0).getAttribute('data-id')).toBe(first);
});

it('takes keys at once while four texts stream and a list follows a hundred jobs', async ({
  page,
  watch,
  service,
  client,
}) => {
  brake(service).slow();
  await openPage(page);
  await setParameter(page, 'New tokens', 480);
  // The texts of seeds 3 to 6 have 480 tokens; one in twenty others ends before it is seen.
  await setParameter(page, 'Seed', 3);
  await chooseSamples(page, 4);
  await writePrompt(page, 'The old king');
  await pressWrite(page);
  for (const number of [1, 2, 3, 4]) await sampleIs(page, 'Writing', number);
  await submitJobs(client, 100, work);
  await openPage(await watch.openTab(), '#/jobs');
  const before = await sampleText(page);
  const prompt = page.getByLabel('Prompt', { exact: true });
  await prompt.focus();
  const typed = ' and his three daughters lived in a castle by the sea';
  await page.keyboard.type(typed);
  expect(await prompt.inputValue()).toBe(`The old king${typed}`);
  await expect.poll(async () => (await sampleText(page)).length).toBeGreaterThan(before.length);
  // A key waits for the task under way, which the watch judges, and for its own work. Other processes may take the
  // processor, so CPU time counts: that of the page's thread for a key and everything that it does meanwhile.
  const clock = await openThreadClock(page);
  const begin = await threadMs(clock);
  const line = '. They sang to the birds, and the birds sang to them';
  await page.keyboard.type(line);
  await drawn(page);
  expect(((await threadMs(clock)) - begin) / line.length).toBeLessThan(msOfKey);
});

/** Found by classes here: to search a thousand rows for a role would be a long task of the page, made by the test. */
const row = (page: Page, place: number): Locator => page.locator('.job-row').nth(place);
const olderButton = (page: Page): Locator => page.locator('.panel > button:last-child');

async function loadMore(page: Page): Promise<void> {
  const count = await page.locator('.job-row').count();
  await olderButton(page).click();
  await expect.poll(async () => await page.locator('.job-row').count()).toBeGreaterThan(count);
}

/** Opens a row's job, and finds the row at the same place after the return. */
async function expectReturnToRow(page: Page, place: number): Promise<void> {
  const id = (await row(page, place).getAttribute('data-id')) ?? '';
  const top = async (): Promise<number> =>
    await page.evaluate(`document.querySelector('[data-id="${id}"]').getBoundingClientRect().top`);
  await row(page, place).scrollIntoViewIfNeeded();
  await expect.poll(async () => await page.evaluate('history.state?.scrollY === scrollY')).toBe(true);
  const before = await top();
  await row(page, place).locator('a').click();
  await heading(page, /^failed/).waitFor();
  await page.goBack();
  await row(page, 99).waitFor();
  await page.waitForURL(/status=failed/);
  await expect.poll(top).toBe(before);
}
const statuses = async (page: Page): Promise<readonly string[]> => [
  ...new Set(await page.locator('.job-row .status').allTextContents()),
];
