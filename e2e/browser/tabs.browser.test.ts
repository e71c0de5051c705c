/** Many tabs: a browser has six connections for a service, and a tab takes one of them at most. */
import { type BrowserContext, type Request as Sent } from 'playwright-core';
import { expect } from 'vitest';
import { browserTest } from './browser-test.ts';
import { brake, launchPage } from './page-service.ts';
import { openPage, pressWrite, row, sampleIs, sampleText, setParameter, writePrompt } from './verbs.ts';

const it = browserTest(launchPage);

it('loads and streams in a fourth tab while three of them stream', async ({ page, watch, service }) => {
  const open = openStreams(watch.context);
  brake(service).slow();
  await openPage(page, '#/jobs');
  await openPage(await watch.openTab(), '#/machine');
  const writing = await watch.openTab();
  await openPage(writing);
  await setParameter(writing, 'New tokens', 400);
  await writePrompt(writing, 'The old king');
  await pressWrite(writing);
  await sampleIs(writing, 'Writing');
  await expect.poll(() => open.size).toBe(3);

  const fourth = await watch.openTab();
  await openPage(fourth);
  await setParameter(fourth, 'New tokens', 8);
  await writePrompt(fourth, 'In the forest');
  await pressWrite(fourth);
  await sampleIs(fourth, 'Done');
  expect((await sampleText(fourth)).length).toBeGreaterThan('In the forest'.length);
  // All of them still follow what happens.
  await row(page, 0).waitFor();
  await sampleIs(writing, 'Writing');
  expect(open.size).toBeLessThanOrEqual(4);
});

it('closes the stream of a tab that nobody sees, and goes on where it was', async ({
  page,
  watch,
  service,
  client,
}) => {
  const open = openStreams(watch.context);
  await page.clock.install();
  const engines = brake(service);
  engines.slow();
  await openPage(page);
  await setParameter(page, 'New tokens', 100);
  await writePrompt(page, 'The old king');
  await pressWrite(page);
  await sampleIs(page, 'Writing');
  await expect.poll(() => open.size).toBe(1);

  await page.evaluate(becomes('hidden'));
  await page.clock.fastForward(5_000);
  expect(open.size).toBe(1);
  await page.clock.fastForward(6_000);
  await expect.poll(() => open.size).toBe(0);
  engines.release();
  const [id = ''] = /jobs=([^&]+)/.exec(page.url())?.slice(1) ?? [];
  const { output } = await client.wait(id);

  await page.evaluate(becomes('visible'));
  await sampleIs(page, 'Done');
  await expect.poll(async () => await sampleText(page)).toBe(output?.generated_text);
});

/** The streams that are open in any tab, now and later. */
function openStreams(context: BrowserContext): ReadonlySet<Sent> {
  const open = new Set<Sent>();
  context.on('request', (sent) => {
    if (new URL(sent.url()).pathname === '/live') open.add(sent);
  });
  for (const end of ['requestfinished', 'requestfailed'] as const)
    context.on(end as 'requestfailed', (sent) => open.delete(sent));
  return open;
}

/** A headless browser shows all of its tabs, so the tab is told what a browser would tell it. */
const becomes = (state: 'hidden' | 'visible'): string => `
  Object.defineProperty(document, 'hidden', { configurable: true, get: () => ${state === 'hidden'} });
  Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => '${state}' });
  document.dispatchEvent(new Event('visibilitychange'));`;
