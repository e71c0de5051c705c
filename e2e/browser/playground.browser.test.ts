/** The playground: texts as they are written, and what can be done with them. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { JobBody } from '@prosemill/contract';
import { createTestFolder } from '@prosemill/testkit';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { browserTest } from './browser-test.ts';
import { brake, launchPage } from './page-service.ts';
import {
  chooseOnSample,
  chooseSamples,
  copied,
  jobOnPage,
  jobsInAddress,
  openPage,
  pressOnSample,
  pressWrite,
  sampleIs,
  sampleText,
  setParameter,
  writeHalf,
  writePrompt,
} from './verbs.ts';

const it = browserTest(launchPage);
const run = promisify(execFile);

/** Writes a text of twelve tokens to its end. @returns the id of its job */
async function writeShort(page: Page, prompt = 'The old king'): Promise<string> {
  await openPage(page);
  await writePrompt(page, prompt);
  await setParameter(page, 'New tokens', 12);
  await pressWrite(page);
  await sampleIs(page, 'Done');
  const [id = ''] = await jobsInAddress(page);
  return id;
}

const textOf = ({ output }: JobBody): string | undefined => output?.generated_text;

it('shows a text while it is written, and to its end exactly that of its job', async ({ page, service, client }) => {
  const engines = brake(service);
  await openPage(page);
  const half = await writeHalf(page, engines);
  await sampleIs(page, 'Writing');
  engines.release();
  await sampleIs(page, 'Done');
  const whole = textOf(await jobOnPage(page, client)) ?? '';
  expect(await sampleText(page)).toBe(whole);
  expect([whole.startsWith(half), half.length < whole.length]).toEqual([true, true]);
});

it('writes four texts side by side, each with the next seed, and marks where they part', async ({ page, client }) => {
  await openPage(page);
  await writePrompt(page, 'Once upon a time');
  await setParameter(page, 'New tokens', 20);
  await setParameter(page, 'Temperature', 0.5);
  await setParameter(page, 'Seed', 4_294_967_294);
  await chooseSamples(page, 4);
  await pressWrite(page);
  const ids = await jobsInAddress(page, 4);
  for (const number of [1, 2, 3, 4]) await sampleIs(page, 'Done', number);
  const jobs = await Promise.all(ids.map(async (id) => await client.job(id)));
  expect(jobs.map(({ seed }) => seed)).toEqual([4_294_967_294, 4_294_967_295, 0, 1]);
  const texts = await Promise.all([1, 2, 3, 4].map(async (number) => await sampleText(page, number)));
  expect(texts).toEqual(jobs.map(textOf));

  await page.getByLabel('Mark where they part').check();
  const marked = await page.locator('.prose .shared').allTextContents();
  const shared = marked[0] ?? '';
  expect(new Set(marked)).toEqual(new Set([shared]));
  const rests = texts.map((text) => text.slice('Once upon a time'.length));
  expect(rests.every((rest) => rest.startsWith(shared))).toBe(true);
  expect(new Set(rests.map((rest) => rest.charAt(shared.length))).size).toBeGreaterThan(1);
});

it('stops a text within a token and keeps it, also after a reload', async ({ page, service, client }) => {
  const engines = brake(service);
  await openPage(page);
  const half = await writeHalf(page, engines);
  await pressOnSample(page, 'Stop');
  await sampleIs(page, 'Stopping…');
  engines.slow();
  await sampleIs(page, 'Canceled');
  const job = await jobOnPage(page, client);
  expect(job.status).toBe('canceled');
  const kept = await sampleText(page);
  expect(kept).toBe(textOf(job));
  expect(kept.startsWith(half)).toBe(true);
  await page.reload();
  await sampleIs(page, 'Canceled');
  expect(await sampleText(page)).toBe(kept);
});

it('shows on a phone where the text comes, however long the form is', async ({ page, service }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  await openPage(page);
  await page.getByText('Parameters', { exact: true }).click();
  await writeHalf(page, brake(service));
  const log = page.getByRole('log', { name: 'Text 1', exact: true });
  const { y } = (await log.boundingBox()) ?? { y: Number.NaN };
  expect(y).toBeGreaterThan(0);
  expect(y).toBeLessThan(740 / 2);
});

it('goes on from the end of a text', async ({ page, client }) => {
  const first = await writeShort(page);
  const text = await sampleText(page);
  await pressOnSample(page, 'Go on from here');
  await expect.poll(async () => (await jobsInAddress(page))[0]).not.toBe(first);
  await sampleIs(page, 'Done');
  const [second = ''] = await jobsInAddress(page);
  const job = await client.job(second);
  expect(job.prompt).toBe(text);
  expect(await sampleText(page)).toBe(textOf(job));
  expect(await page.getByLabel('Prompt', { exact: true }).inputValue()).toBe(text);
});

it('writes a text again with the same seed, and with another one', async ({ page, client }) => {
  const first = await client.job(await writeShort(page));
  const again = async (item: string, last: JobBody): Promise<JobBody> => {
    await chooseOnSample(page, 'Again', item);
    await expect.poll(async () => (await jobsInAddress(page))[0]).not.toBe(last.id);
    await sampleIs(page, 'Done');
    return await jobOnPage(page, client);
  };
  const same = await again('Same seed', first);
  expect([same.retry_of, same.seed, textOf(same)]).toEqual([first.id, first.seed, textOf(first)]);
  const other = await again('Another seed', same);
  expect(other.retry_of).toBe(same.id);
  expect(other.seed).not.toBe(first.seed);
  expect(await sampleText(page)).toBe(textOf(other));
});

it('copies a request as programs, each of which gives the same text', async ({ page, client }) => {
  const text = textOf(await client.job(await writeShort(page, `The fox's "den"`))) ?? '';
  const folder = await createTestFolder();
  const copyAs = async (name: string): Promise<string> => {
    await chooseOnSample(page, 'Copy as', name);
    return await copied(page, name);
  };
  const runFile = async (name: string, code: string): Promise<string> => {
    await writeFile(join(folder, name), code);
    return (await run(process.execPath, [join(folder, name)])).stdout;
  };

  const curl = await run('sh', ['-c', await copyAs('curl')]);
  expect((JSON.parse(curl.stdout) as { generated_text: string }).generated_text).toBe(text);
  expect(await runFile('fetch.mjs', await copyAs('fetch'))).toBe(`${text}\n`);
  expect(`The fox's "den"${await runFile('stream.ts', await copyAs('TypeScript'))}`).toBe(text);
  // OpenAI's client in Python is no dependency of these tests; its snippet says the same as the others.
  const python = await copyAs('openai (Python)');
  expect(python).toContain(String.raw`prompt="The fox's \"den\""`);
  await expect(run('python3', ['-c', 'import ast, sys; ast.parse(sys.argv[1])', python])).resolves.toBeDefined();
});
