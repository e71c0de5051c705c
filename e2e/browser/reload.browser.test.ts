/** A reload at any moment changes nothing: the text goes on, and a request is sent once. */
import type { ProsemillClient } from '@prosemill/client';
import type { JobBody } from '@prosemill/contract';
import { expect } from 'vitest';
import { browserTest } from './browser-test.ts';
import { brake, launchPage } from './page-service.ts';
import {
  goTo,
  jobOnPage,
  jobsInAddress,
  openPage,
  pressWrite,
  sampleIs,
  sampleText,
  setParameter,
  writeHalf,
  writePrompt,
} from './verbs.ts';

const it = browserTest(launchPage);
const reloads = Array.from({ length: 10 }, (_, place) => place + 1);

async function jobsWithPrompt(client: ProsemillClient, prompt: string): Promise<readonly JobBody[]> {
  return (await Array.fromAsync(client.jobs())).filter((job) => job.prompt === prompt);
}

it('shows the text so far after each of ten reloads, and goes on', async ({ page, service, client }) => {
  const engines = brake(service);
  await openPage(page);
  let text = await writeHalf(page, engines);
  for (const reload of reloads) {
    await page.reload();
    // The text that was there comes again before new text does.
    await expect.poll(async () => await sampleText(page), { message: `reload ${reload}` }).toContain(text);
    engines.slow();
    await expect.poll(async () => (await sampleText(page)).length).toBeGreaterThan(text.length);
    engines.hold();
    text = await sampleText(page);
  }
  engines.release();
  await sampleIs(page, 'Done');
  expect(await sampleText(page)).toBe((await jobOnPage(page, client)).output?.generated_text);
});

it.for(['before the request arrives', 'between the request and its answer'])(
  'makes one job when the reader reloads %s',
  async (moment, { page, client }) => {
    const prompt = `A fox ${moment}`;
    const { promise: sent, resolve } = Promise.withResolvers<void>();
    await openPage(page);
    await page.route(
      (url) => url.pathname === '/jobs' && url.search === '',
      async (route) => {
        // The page never sees an answer to this request.
        if (moment.startsWith('between')) await route.fetch();
        resolve();
      },
      { times: 1 },
    );
    await writePrompt(page, prompt);
    await setParameter(page, 'New tokens', 12);
    await pressWrite(page);
    await sent;
    await page.reload();
    await sampleIs(page, 'Done');
    const [job, ...others] = await jobsWithPrompt(client, prompt);
    expect(others).toEqual([]);
    expect(await sampleText(page)).toBe(job?.output?.generated_text);
    expect(await jobsInAddress(page)).toEqual([job?.id]);
  },
);

it('a reader who stops a text in the middle finds it again in the list', async ({ page, watch, service }) => {
  const engines = brake(service);
  const prompt = 'A text that is found again';
  await openPage(page);
  await writeHalf(page, engines, { prompt });
  await page.reload();
  await expect.poll(async () => (await sampleText(page)).length).toBeGreaterThan(prompt.length);
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await sampleIs(page, 'Stopping…');
  engines.slow();
  await sampleIs(page, 'Canceled');
  const text = await sampleText(page);
  await page.close();

  const tab = await watch.openTab();
  await openPage(tab);
  await goTo(tab, 'Jobs');
  await tab.getByRole('link', { name: prompt }).click();
  await tab.getByRole('heading', { name: /canceled/ }).waitFor();
  await expect.poll(async () => await tab.getByRole('log').first().textContent()).toBe(text);
});
