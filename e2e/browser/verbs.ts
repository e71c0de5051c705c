/** The actions of a reader, and the things that they see, found by roles and labels as a screen reader finds them. */
import type { GenerationRequest, ProsemillClient } from '@prosemill/client';
import type { Locator, Page } from 'playwright-core';
import { expect, onTestFinished } from 'vitest';
import type { JobBody } from '@prosemill/contract';
import type { Brake } from './page-service.ts';

/** Opens the playground, or another place of the page: `#/jobs`. */
export async function openPage(page: Page, place = '#/'): Promise<void> {
  await page.goto(`/${place}`);
  await page.getByRole('heading', { level: 1 }).waitFor();
}

export async function writePrompt(page: Page, prompt: string): Promise<void> {
  await page.getByLabel('Prompt', { exact: true }).fill(prompt);
}

export async function pressWrite(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Write', exact: false }).first().click();
}

/** @param label  Of a parameter: `New tokens`, `Seed`. */
export async function setParameter(page: Page, label: string, value: number | string): Promise<void> {
  await page.getByLabel(label, { exact: true }).fill(String(value));
}

export async function chooseSamples(page: Page, count: number): Promise<void> {
  await page.getByLabel('Samples', { exact: true }).selectOption(String(count));
}

/** @param number  From 1. */
export const sample = (page: Page, number = 1): Locator => page.getByRole('region', { name: `Sample ${number}` });

/** The prompt and the text so far. */
export async function sampleText(page: Page, number = 1): Promise<string> {
  return (await page.getByRole('log', { name: `Text ${number}`, exact: true }).textContent()) ?? '';
}

/** Waits until a sample is drawn in a state: `Writing`, `Done`, `Canceled`. */
export async function sampleIs(page: Page, state: string, number = 1): Promise<void> {
  await sample(page, number).getByText(state, { exact: true }).waitFor();
  // A text is drawn with the next frame.
  await drawn(page);
}

/** Presses a button of a sample: `Stop`, `Go on from here`. */
export async function pressOnSample(page: Page, button: string, number = 1): Promise<void> {
  await sample(page, number).getByRole('button', { name: button, exact: true }).click();
}

/** Opens a menu of a sample and presses an item: `Again`, `Same seed`. */
export async function chooseOnSample(page: Page, menu: string, item: string, number = 1): Promise<void> {
  await pressOnSample(page, menu, number);
  await pressOnSample(page, item, number);
}

const idsOf = (url: URL): readonly string[] => new URLSearchParams(url.hash.slice(3)).get('jobs')?.split(',') ?? [];

/** The jobs in the address of the playground, as soon as there are that many. */
export async function jobsInAddress(page: Page, count = 1): Promise<readonly string[]> {
  await page.waitForURL((url) => idsOf(url).length === count);
  return idsOf(new URL(page.url()));
}

/** The job of the only text on the page. */
export async function jobOnPage(page: Page, client: ProsemillClient): Promise<JobBody> {
  const [id = ''] = await jobsInAddress(page);
  return await client.job(id);
}

/** Goes to a view by the navigation: `Jobs`. */
export async function goTo(page: Page, view: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: view, exact: true }).click();
  await page.getByRole('heading', { level: 1 }).waitFor();
}

/**
 * Writes a long text on slow engines, and holds them when its beginning is on the page.
 * @returns the text so far, with its prompt
 */
export async function writeHalf(
  page: Page,
  engines: Brake,
  { prompt = 'Once upon a time', tokens = 400 } = {},
): Promise<string> {
  await writePrompt(page, prompt);
  await setParameter(page, 'New tokens', tokens);
  engines.slow();
  await pressWrite(page);
  await expect.poll(async () => (await sampleText(page)).length).toBeGreaterThan(prompt.length);
  engines.hold();
  return await sampleText(page);
}

/** The text in the clipboard, after the page said `NAME copied.` */
export async function copied(page: Page, name: string): Promise<string> {
  await page.getByText(`${name} copied.`, { exact: true }).waitFor();
  return await page.evaluate<string>('navigator.clipboard.readText()');
}

/** A row of the list of jobs. @param place  From 0, the newest. */
export const row = (page: Page, place: number): Locator =>
  page.getByRole('list', { name: 'Jobs, newest first' }).getByRole('listitem').nth(place);

/**
 * Submits jobs beside those of the page. At the end of the test they are canceled.
 * @param request  That of each of them, which has a seed of its own.
 * @returns their ids
 */
export async function submitJobs(
  client: ProsemillClient,
  count: number,
  request: GenerationRequest,
): Promise<readonly string[]> {
  const jobs = await Promise.all(
    Array.from({ length: count }, async (_, seed) => await client.submit({ seed, ...request })),
  );
  const ids = jobs.map(({ id }) => id);
  onTestFinished(async () => await cancelJobs(client, ids));
  return ids;
}

export async function cancelJobs(client: ProsemillClient, ids: readonly string[]): Promise<void> {
  await Promise.all(ids.map(async (id) => await client.cancel(id)));
}

/** Waits until this element has the focus. */
export async function hasFocus(element: Locator): Promise<void> {
  await element.and(element.page().locator(':focus')).waitFor();
}

export const heading = (page: Page, name: string | RegExp): Locator => page.getByRole('heading', { level: 1, name });

export const dialog = (page: Page): Locator => page.getByRole('dialog');

/** Waits until the page has drawn what it knows, and reads the keys of that. */
export async function drawn(page: Page): Promise<void> {
  await page.evaluate('new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))');
}

/** Holds back all texts that have not begun. @returns lets them begin, which the end of the test does too */
export async function pauseQueue(client: ProsemillClient): Promise<() => Promise<void>> {
  const resume = async (): Promise<void> => void (await client.resumeQueue());
  onTestFinished(resume);
  await client.pauseQueue();
  return resume;
}
