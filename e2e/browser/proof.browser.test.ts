/** A link that proves a text: whoever opens it writes the text again, and reads whether it is the same. */
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { browserTest } from './browser-test.ts';
import { launchPage } from './page-service.ts';
import type { PageWatch } from './page-watch.ts';
import { copied, openPage, pressOnSample, pressWrite, sample, sampleIs, setParameter, writePrompt } from './verbs.ts';

const it = browserTest(launchPage);

/** Writes a text. @returns the link that proves it */
async function makeLink(page: Page): Promise<string> {
  await openPage(page);
  await writePrompt(page, 'The queen & the fox = 100 %');
  await setParameter(page, 'New tokens', 16);
  await setParameter(page, 'Temperature', 0.9);
  await page.getByLabel('Stop at', { exact: true }).fill('zebra');
  await pressWrite(page);
  await sampleIs(page, 'Done');
  await pressOnSample(page, 'Link');
  return await copied(page, 'Link');
}

/** Opens a link as somebody else, and writes its text. */
async function follow(watch: PageWatch, link: string): Promise<Page> {
  const tab = await watch.openTab();
  await tab.goto(link);
  await tab.getByText('This link says which text it gives.', { exact: false }).waitFor();
  await pressWrite(tab);
  await sampleIs(tab, 'Done');
  return tab;
}

/** @param change  Of the query in the fragment. */
function changed(link: string, change: (query: URLSearchParams) => void): string {
  const [start = '', search = ''] = link.split('#/?');
  const query = new URLSearchParams(search);
  change(query);
  return `${start}#/?${query.toString()}`;
}

it('says that the text is identical', async ({ page, watch, client }) => {
  const tab = await follow(watch, await makeLink(page));
  await sample(tab).getByText('Identical, letter for letter.').waitFor();
  const [again, first] = (await client.jobs({ limit: 2 }).page()).data;
  expect(again?.output?.sha256).toBe(first?.output?.sha256);
});

it('says that another model wrote it', async ({ page, watch, client }) => {
  const link = await makeLink(page);
  const { model } = await client.service();
  const tab = await follow(
    watch,
    changed(link, (query) => {
      query.set('model', '0123456789abcdef');
      query.set('sha256', '0'.repeat(64));
    }),
  );
  const reason = `Different: another model, fingerprint ${model?.fingerprint} instead of 0123456789abcdef.`;
  await expect.poll(async () => await sample(tab).getByRole('status').allTextContents()).toContain(reason);
});

it('says that the text or the link was changed', async ({ page, watch }) => {
  const link = await makeLink(page);
  const tab = await follow(
    watch,
    changed(link, (query) => query.set('prompt', 'The queen & the fox = 99 %')),
  );
  await expect
    .poll(async () => await sample(tab).getByRole('status').allTextContents())
    .toContain('Different, though the model is the same: the link was changed, or the text was.');
});

it('promises nothing once the reader changed the request', async ({ page, watch }) => {
  const tab = await watch.openTab();
  await tab.goto(await makeLink(page));
  await tab.getByText('This link says which text it gives.', { exact: false }).waitFor();
  await setParameter(tab, 'New tokens', 4);
  await pressWrite(tab);
  await sampleIs(tab, 'Done');
  expect(await sample(tab).getByRole('status').allTextContents()).toEqual([]);
});
