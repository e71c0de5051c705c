/** The watch over the page finds what it is there for. */
import { expect } from 'vitest';
import { browserTest } from './browser-test.ts';
import { launchPage } from './page-service.ts';
import { PageWatch } from './page-watch.ts';
import { openPage } from './verbs.ts';

const it = browserTest(launchPage);

/** Counts rounds and not time: on a busy machine a time would pass without work. */
const longTask = `let sum = 0; for (let round = 0; round < 4e8; round += 1) sum += Math.sqrt(round); String(sum)`;

/** Scripts in a page, each with the fault that the watch sees in it. */
const faults: readonly (readonly [name: string, script: string, fault: RegExp])[] = [
  ['an error in the console', `console.error('broken')`, /^console: broken/],
  ['an error that nobody catches', `setTimeout(() => { throw new Error('broken'); })`, /^error: Error: broken/],
  [
    'a style in the markup, which the CSP forbids',
    `document.body.setAttribute('style', 'color: red')`,
    /^console: .*Content Security Policy/,
  ],
  ['markup made of a string', `try { document.body.innerHTML = 'x'; } catch {}`, /^console: .*TrustedHTML/],
  ['an answer that is an error', `fetch('nowhere')`, /^failed request: GET \/nowhere 404/],
  ['a task that takes the processor for 0.4 s', longTask, /^a task of \d+ ms of CPU time$/],
];

for (const [name, script, fault] of faults) {
  it(`sees ${name}`, async ({ browser, service }) => {
    const watch = await PageWatch.start({ browser, url: service.url });
    const page = await watch.openTab();
    await openPage(page);
    await page.evaluate(script);
    // Errors of timers come before the next one.
    await page.evaluate('new Promise((resolve) => setTimeout(resolve))');
    expect((await watch.end()).join('\n')).toMatch(new RegExp(fault.source, 'm'));
  });
}

it('sees a request to another origin', async ({ browser, service }) => {
  const watch = await PageWatch.start({ browser, url: service.url });
  const page = await watch.openTab();
  await openPage(page);
  const other = service.url.replace('127.0.0.1', 'localhost');
  await page.goto(`${other}/livez`);
  expect(await watch.end()).toEqual([`request to another origin: ${other}/livez`]);
});

it('overlooks a task that is no work of the page', async ({ browser, service }) => {
  const watch = await PageWatch.start({ browser, url: service.url });
  const page = await watch.openTab();
  await openPage(page);
  await watch.unmeasured(async () => await page.evaluate(longTask));
  expect(await watch.end()).toEqual([]);
});

it('misses a failure that a test expects', async ({ browser, service }) => {
  const watch = await PageWatch.start({ browser, url: service.url });
  watch.expectFailures(/GET \/health/);
  expect(await watch.end()).toEqual([String.raw`no request failed like /GET \/health/`]);
});

it('sees nothing in a page that only waits', async ({ browser, service }) => {
  const watch = await PageWatch.start({ browser, url: service.url });
  const page = await watch.openTab();
  await openPage(page);
  await page.getByText('Healthy').waitFor();
  expect(await watch.end()).toEqual([]);
});
