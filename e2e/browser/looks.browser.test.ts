/**
 * Tests that each view is accessible by axe's rules, no wider than the screen, and usable in forced colours: in both
 * themes, on a phone and on a desk. `SCREENSHOTS=1` writes the pictures of docs/page.md.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Batch, createClient } from '@prosemill/client';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { describe, expect } from 'vitest';
import type { Service } from '../launch.ts';
import { browserTest } from './browser-test.ts';
import { launchWithEndedJobs } from './ended-jobs.ts';
import { brake } from './page-service.ts';
import { openPage, sampleIs, writeHalf } from './verbs.ts';

const adminKey = 'looks-like-an-admin-key-of-forty-letters';
const ownerId = 'acme';
const prompts = ['Long ago, when wishes came true', 'In the middle of the forest', 'The youngest of the three'];
const themes = ['light', 'dark'] as const;
const widths = [360, 1280] as const;
const heights = { 360: 780, 1280: 1000 } as const;
const pictures = fileURLToPath(new URL('../../docs/page/', import.meta.url));
/** WCAG 2.2 AA is all of these together. */
const axeRules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

interface Content {
  readonly key: string;
  /** Jobs of one prompt. */
  readonly samples: readonly string[];
  /** A batch of two jobs with metadata and webhooks that are refused. */
  readonly batch: Pick<Batch, 'id' | 'jobs'>;
  /** Gives the machine more texts to write than it has slots. */
  readonly work: () => Promise<void>;
}

interface View {
  readonly name: string;
  readonly place: (content: Content) => string;
  /** Resolves when everything that belongs to the view is there. */
  readonly whole: (page: Page) => Promise<unknown>;
  /** The machine writes more texts than it has slots. Default: false. */
  readonly isBusy?: boolean;
  /** Default: true. */
  readonly hasPictures?: boolean;
}

const views: readonly View[] = [
  {
    name: 'playground-empty',
    place: () => '#/',
    whole: async (page) => await page.getByText('Write a prompt').waitFor(),
  },
  {
    name: 'playground',
    place: ({ samples }) => `#/?jobs=${samples.join(',')}`,
    whole: async (page) => await sampleIs(page, 'Done'),
  },
  {
    name: 'jobs',
    place: () => '#/jobs',
    whole: async (page) => await page.locator('.job-row').getByText('running').first().waitFor(),
    isBusy: true,
  },
  {
    name: 'job',
    place: ({ samples }) => `#/jobs/${samples[0]}`,
    whole: async (page) => await page.getByRole('list', { name: 'Times' }).waitFor(),
  },
  {
    name: 'job-of-a-batch',
    place: ({ batch }) => `#/jobs/${batch.jobs[0]?.id}`,
    whole: async (page) => {
      const attempts = page.getByText('Attempts', { exact: true });
      await attempts.waitFor();
      if (!(await page.locator('details[open] .life-moment').first().isVisible())) await attempts.click();
    },
    hasPictures: false,
  },
  {
    name: 'batch',
    place: ({ batch }) => `#/batches/${batch.id}`,
    whole: async (page) => await page.getByText('2 of 2 jobs ended').waitFor(),
    hasPictures: false,
  },
  {
    name: 'machine',
    place: () => '#/machine',
    whole: async (page) => {
      await page.getByText('of yours').first().waitFor({ state: 'attached' });
      await page.getByRole('img', { name: /^Ended jobs a minute: done is \d/ }).waitFor();
    },
    isBusy: true,
  },
  {
    name: 'admin',
    place: () => '#/admin',
    whole: async (page) => await page.getByRole('rowheader', { name: 'website' }).waitFor(),
  },
];

/** Its last quarter of an hour is in the lists and the charts. */
const launch = async () =>
  await launchWithEndedJobs(
    { ownerId, count: 1_800, everyMs: 500 },
    { AUTH: 'keys', ADMIN_KEY: adminKey, WORKERS: '16', RATE_LIMIT_PER_MINUTE: '0' },
  );
const it = browserTest(launch).extend('content', { scope: 'file' }, async ({ service }) => await makeContent(service));

// Before the views, some of which leave much work behind.
it('shows in forced colours where it writes', async ({ page, service, content }) => {
  await page.addInitScript(useKeys({ texts: content.key }));
  await page.emulateMedia({ forcedColors: 'active' });
  await openPage(page);
  await writeHalf(page, brake(service));
  await page.locator('.caret').waitFor();
  expect(await page.evaluate(invisibleFills)).toEqual([]);
});

describe.each(views)('$name', ({ name, place, whole, isBusy = false, hasPictures = true }) => {
  it('is accessible and fits the screen in both themes, and in forced colours', async ({
    page,
    watch,
    service,
    content,
  }) => {
    await page.addInitScript(useKeys({ texts: content.key, admin: adminKey }));
    if (isBusy) {
      brake(service).slow();
      await content.work();
    }
    await openPage(page, place(content));
    await watch.unmeasured(async () => await page.evaluate(axe.source));
    for (const { theme, width, file } of appearances(name)) {
      await page.setViewportSize({ width, height: heights[width] });
      await page.emulateMedia({ colorScheme: theme });
      await whole(page);
      if (hasPictures && process.env['SCREENSHOTS'] === '1') await page.screenshot({ path: `${pictures}${file}` });
      const violations = await watch.unmeasured(async () => await findViolations(page));
      expect({ theme, width, violations }).toEqual({ theme, width, violations: [] });
    }
    await expectFits(page);
    await expectForcedColours(page);
  });
});

it('has its pictures in the documents', () => {
  const document = readFileSync(`${pictures}../page.md`, 'utf8');
  const files = views
    .filter(({ hasPictures = true }) => hasPictures)
    .flatMap(({ name }) => appearances(name).map(({ file }) => file));
  expect(files.filter((file) => !existsSync(`${pictures}${file}`) || !document.includes(`](page/${file})`))).toEqual(
    [],
  );
  expect(readFileSync(`${pictures}../../README.md`, 'utf8')).toContain('](docs/page/');
});

const appearances = (name: string) =>
  themes.flatMap((theme) => widths.map((width) => ({ theme, width, file: `${name}-${theme}-${width}.png` })));

/** Keys as the page keeps them for this tab. */
const useKeys = (keys: Readonly<Record<string, string>>): string =>
  Object.entries(keys)
    .map(([slot, key]) => `sessionStorage.setItem('prosemill.key.${slot}', '${key}');`)
    .join('');

/** An owner with keys and texts. */
async function makeContent({ url }: Service): Promise<Content> {
  const administrator = createClient({ url, apiKey: adminKey });
  await administrator.createKey({ owner: ownerId, name: 'reports', scopes: ['read'], expires_in_seconds: 2_592_000 });
  const website = { owner: ownerId, name: 'website', scopes: ['generate' as const, 'read' as const] };
  const { secret: key } = await administrator.createKey(website);
  const client = createClient({ url, apiKey: key });
  const samples = await Promise.all(
    [7, 8, 9, 10].map(async (seed) => {
      const { job_id: id } = await client.generate({ prompt: 'Once upon a time', seed, max_new_tokens: 48 });
      return id;
    }),
  );
  const batch = await client.submitBatch(
    ['king', 'queen'].map((name) => ({
      custom_id: name,
      prompt: `The old ${name}`,
      max_new_tokens: 20,
      metadata: { customer: '4711', chapter: 'The first of many' },
      webhook_url: 'http://127.0.0.1:9/prosemill',
    })),
  );
  const work = async (): Promise<void> => {
    for (let seed = 0; seed < 19; seed += 1) {
      await client.submit({ prompt: prompts[seed % prompts.length] ?? '', seed, max_new_tokens: 480 });
    }
  };
  return { key, samples, batch, work };
}

/** Breaches of WCAG and of good practice, with the elements that have them. */
async function findViolations(page: Page): Promise<readonly string[]> {
  return await page.evaluate(
    `axe.run(document, { runOnly: ${JSON.stringify(axeRules)} }).then(({ violations }) =>
      violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).join(' ')))`,
  );
}

/** Larger text makes the page longer, never wider than the screen. All its sizes are relative to that of the root. */
async function expectFits(page: Page): Promise<void> {
  for (const width of [320, 360]) {
    await page.setViewportSize({ width, height: heights[360] });
    for (const [textSize, pixels] of [
      ['100 %', 15],
      ['200 %', 30],
    ] as const) {
      await page.evaluate(`document.documentElement.style.fontSize = '${pixels}px'`);
      const tooWide = await page.evaluate(`document.documentElement.scrollWidth - innerWidth`);
      expect({ width, textSize, tooWide }).toEqual({ width, textSize, tooWide: 0 });
    }
    await page.evaluate(`document.documentElement.style.fontSize = ''`);
  }
}

/** Each control has an edge, and each state is told by a shape and a word. */
async function expectForcedColours(page: Page): Promise<void> {
  await page.emulateMedia({ forcedColors: 'active' });
  await page.setViewportSize({ width: 1_280, height: heights[1280] });
  expect(await page.evaluate(withoutEdge)).toEqual([]);
  expect(
    await page.evaluate(`[...document.querySelectorAll('.status')].filter((status) =>
    status.textContent.trim() === '' && status.children.length > 0).length`),
  ).toBe(0);
  expect(await page.evaluate(invisibleFills)).toEqual([]);
  await expect.poll(async () => await page.evaluate(chartsWithoutLines)).toEqual([]);
}

/** Controls whose edge has the colour of what is behind them. */
const withoutEdge = `
  [...document.querySelectorAll('button, .button, input:not([type=range]), select, textarea')]
    .filter((control) => control.checkVisibility() && control.closest('.hidden') === null)
    .filter((control) => {
      const { appearance, borderTopStyle, borderTopWidth, borderTopColor, backgroundColor } = getComputedStyle(control);
      if (control.matches('[type=checkbox], [type=radio]')) return appearance === 'none';
      return borderTopStyle === 'none' || parseFloat(borderTopWidth) < 1 || borderTopColor === backgroundColor ||
        borderTopColor === 'rgba(0, 0, 0, 0)';
    })
    .map((control) => control.outerHTML)`;

/** Parts of pictures that have the colour of what is behind them. */
const invisibleFills = `
  [...document.querySelectorAll('.slot-fill, .caret')]
    .filter((fill) => {
      const { backgroundColor, borderLeftColor, borderLeftWidth } = getComputedStyle(fill);
      const colours = [backgroundColor, ...(parseFloat(borderLeftWidth) > 0 ? [borderLeftColor] : [])];
      const behind = ['rgba(0, 0, 0, 0)', getComputedStyle(document.body).backgroundColor];
      return colours.every((colour) => behind.includes(colour));
    })
    .map((fill) => fill.outerHTML)`;

/**
 * Charts that have few pixels with the colour of text between their axes. The grid has another colour. Each look reads
 * a copy: Chromium warns of a canvas that is read twice.
 */
const chartsWithoutLines = `
  [...document.querySelectorAll('.chart')].filter((chart) => {
    const canvas = chart.querySelector('canvas');
    const area = chart.querySelector('.u-over').getBoundingClientRect();
    const { left, top } = canvas.getBoundingClientRect();
    const sizes = [area.left - left, area.top - top, area.width, area.height];
    const [x, y, width, height] = sizes.map((size) => Math.round(size * devicePixelRatio));
    const copy = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
    copy.drawImage(canvas, -x, -y);
    const { data } = copy.getImageData(0, 0, width, height);
    const text = getComputedStyle(document.body).color.match(/\\d+/g).map(Number);
    let pixels = 0;
    for (let at = 0; at < data.length; at += 4) {
      if (data[at + 3] > 128 && text.every((value, channel) => Math.abs(data[at + channel] - value) < 8)) pixels += 1;
    }
    return pixels < area.width / 4;
  }).map((chart) => chart.getAttribute('aria-label'))`;
