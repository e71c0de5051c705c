/** Browsers without much of what the page would use elsewhere: on plain http from another host, or by settings. */
import { expect, onTestFinished } from 'vitest';
import { browserTest } from './browser-test.ts';
import { launchChromium } from './chromium.ts';
import { launchPage } from './page-service.ts';
import { PageWatch } from './page-watch.ts';
import { jobsInAddress, openPage, pressOnSample, pressWrite, sampleIs, sampleText, writePrompt } from './verbs.ts';

const host = 'prosemill.test';
const it = browserTest(async () => await launchPage({ CORS_ORIGINS: `http://${host}` }));

it('writes and copies without the interfaces of secure pages', async ({ service }) => {
  const url = new URL(service.url);
  const browser = await launchChromium([`--host-resolver-rules=MAP ${host} ${url.hostname}`]);
  onTestFinished(async () => await browser.close());
  url.hostname = host;
  const watch = await PageWatch.start({ browser, url: url.origin });
  const page = await watch.openTab();
  await openPage(page);
  const missing = `[isSecureContext, navigator.clipboard, crypto.subtle, crypto.randomUUID].filter(Boolean).length`;
  expect(await page.evaluate(missing)).toBe(0);

  await writePrompt(page, 'The old king');
  await pressWrite(page);
  await sampleIs(page, 'Done');
  await jobsInAddress(page);
  const text = await sampleText(page);
  await pressOnSample(page, 'Copy');
  await page.getByText('Text copied.').waitFor();
  await writePrompt(page, '');
  await page.getByLabel('Prompt', { exact: true }).press('Control+v');
  expect(await page.getByLabel('Prompt', { exact: true }).inputValue()).toBe(text);
  await pressOnSample(page, 'Verify');
  await page.getByText(/^Identical/).waitFor();
  expect(await watch.end()).toEqual([]);
});

it('writes where the browser blocks storage', async ({ page, watch }) => {
  const block = `for (const name of ['sessionStorage', 'localStorage'])
    Object.defineProperty(window, name, { get() { throw new DOMException('Blocked', 'SecurityError'); } })`;
  await watch.context.addInitScript(block);
  await openPage(page);
  await writePrompt(page, 'The old king');
  await pressWrite(page);
  await sampleIs(page, 'Done');
  await page.reload();
  await sampleIs(page, 'Done');
});
