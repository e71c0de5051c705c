/** The main job without a pointer: write, stop, find, read, verify, cancel. */
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { browserTest } from './browser-test.ts';
import { launchPage } from './page-service.ts';
import { dialog, drawn, hasFocus, heading, openPage, pauseQueue, row, sample, sampleIs, submitJobs } from './verbs.ts';

const it = browserTest(launchPage);

it('writes, stops, finds and verifies a text', async ({ page, client }) => {
  await openPage(page);
  await page.keyboard.press('Tab');
  await hasFocus(page.getByRole('link', { name: 'Skip to the content' }));
  await expectVisibleFocus(page);
  await page.keyboard.press('Enter');
  await hasFocus(page.getByRole('main'));
  await page.keyboard.press('Tab');
  await hasFocus(page.getByLabel('Prompt', { exact: true }));

  await page.getByText('Healthy').waitFor();
  const resume = await pauseQueue(client);
  await page.keyboard.type('The old king');
  await page.keyboard.press('Control+Enter');
  await sampleIs(page, 'Queued');
  await page.keyboard.press('Tab');
  await page.keyboard.press('1');
  await hasFocus(sample(page));
  await page.keyboard.press('Escape');
  await sampleIs(page, 'Canceled');
  await resume();
  await page.keyboard.press('Control+Enter');
  await sampleIs(page, 'Done');

  await page.keyboard.press('g');
  await page.keyboard.press('j');
  await hasFocus(heading(page, 'Jobs'));
  await row(page, 1).waitFor();
  await drawn(page);
  await page.keyboard.press('j');
  await hasFocus(row(page, 0).getByRole('link'));
  await page.keyboard.press('j');
  await hasFocus(row(page, 1).getByRole('link'));
  await expectVisibleFocus(page);
  await page.keyboard.press('k');
  await page.keyboard.press('Enter');
  await hasFocus(heading(page, /^succeeded/));
  await drawn(page);
  await page.keyboard.press('v');
  await page.getByText(/^Identical/).waitFor();
  await page.keyboard.press(']');
  await hasFocus(heading(page, /^canceled/));
  await page.keyboard.press('[');
  await hasFocus(heading(page, /^succeeded/));
});

it('cancels several jobs, after a question that keeps the focus', async ({ page, client }) => {
  await pauseQueue(client);
  await submitJobs(client, 3, { prompt: 'One' });
  await openPage(page, '#/jobs');
  await row(page, 2).waitFor();
  await drawn(page);
  for (const key of ['j', 'x', 'j', 'x']) await page.keyboard.press(key);
  const button = page.getByRole('button', { name: 'Cancel 2', exact: true });
  await tabTo(page, 'Cancel 2');
  await hasFocus(button);
  await page.keyboard.press('Enter');
  await hasFocus(dialog(page).getByRole('button').first());
  // The dialog has two buttons; what is behind it cannot be reached.
  for (let presses = 0; presses < 6; presses += 1) {
    await page.keyboard.press('Tab');
    expect(
      await page.evaluate(`['BODY', 'HTML'].includes(document.activeElement.tagName) ||
      document.activeElement.closest('dialog') !== null`),
    ).toBe(true);
  }
  // The second key comes before the browser tells that the dialog has closed.
  await Promise.all([page.keyboard.press('Escape'), page.keyboard.press('Enter')]);
  await dialog(page).getByRole('button', { name: 'Cancel 2 jobs' }).press('Enter');
  await row(page, 0).getByText('canceled').waitFor();
  await row(page, 1).getByText('canceled').waitFor();
  await row(page, 2).getByText('queued').waitFor();
  // The button has gone with its rows, and the list has the focus.
  await hasFocus(row(page, 1).getByRole('link'));
  await page.keyboard.press('j');
  await hasFocus(row(page, 2).getByRole('link'));
  await page.keyboard.press('c');
  await row(page, 2).getByText('canceled').waitFor();
});

it('tells its keys, and gives single letters up', async ({ page }) => {
  await openPage(page);
  await page.keyboard.press('?');
  await dialog(page).getByText('next and previous job of the list').waitFor();
  await tabTo(page, 'Single letters as shortcuts');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Escape');
  await dialog(page).waitFor({ state: 'detached' });
  for (const key of ['?', 'g', 'j']) await page.keyboard.press(key);
  expect(await dialog(page).count()).toBe(0);
  await heading(page, 'Playground').waitFor();
  // It stays so, and fields take letters in any case.
  await page.reload();
  await page.getByLabel('Prompt', { exact: true }).press('?');
  expect(await page.getByLabel('Prompt', { exact: true }).inputValue()).toBe('?');
  await page.getByRole('button', { name: 'Help' }).press('Enter');
  await dialog(page).getByLabel('Single letters as shortcuts').selectOption('on');
  await page.keyboard.press('Escape');
  await hasFocus(page.getByRole('button', { name: 'Help' }));
  for (const key of ['g', 'm']) await page.keyboard.press(key);
  await hasFocus(heading(page, 'Machine'));
});

it.for(['#/', '#/jobs', '#/machine', '#/admin'])(
  'shows the focus at each stop of %s',
  async (place, { page, client }) => {
    await client.generate({ prompt: 'The old king', max_new_tokens: 4 });
    await page.setViewportSize({ width: 360, height: 640 });
    await openPage(page, place);
    const stops = new Set<string>();
    for (;;) {
      await page.keyboard.press('Tab');
      const stop = await page.evaluate<string>(`document.activeElement.outerHTML`);
      if (stop.startsWith('<body') || stops.has(stop)) break;
      stops.add(stop);
      await expectVisibleFocus(page);
    }
    expect(stops.size).toBeGreaterThan(6);
  },
);

/** Presses Tab until an element of this name has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  const current = `(document.activeElement.labels?.[0] ?? document.activeElement).innerText?.trim()`;
  for (let presses = 0; presses < 40; presses += 1) {
    await page.keyboard.press('Tab');
    const text = await page.evaluate<string | undefined>(current);
    if (text?.startsWith(name) === true) return;
  }
  throw new Error(`No press of Tab came to ${name}.`);
}

/** The element with the focus has an outline, is on the screen, and nothing lies on it. */
async function expectVisibleFocus(page: Page): Promise<void> {
  expect(await page.evaluate(focusFaults)).toEqual([]);
}

const focusFaults = `(() => {
  const element = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  const points = [[box.left + 2, box.top + 2], [box.right - 2, box.bottom - 2],
    [(box.left + box.right) / 2, (box.top + box.bottom) / 2]];
  const isSeen = points.some(([x, y]) => {
    const top = document.elementFromPoint(x, y);
    return top !== null && element.contains(top);
  });
  const name = element.outerHTML.slice(0, 200);
  return [
    ...(outlineStyle === 'none' || parseFloat(outlineWidth) < 2 ? ['no outline: ' + name] : []),
    ...(isSeen ? [] : ['hidden: ' + name]),
  ];
})()`;
