import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { ResultsFile } from './results-file.ts';

/** Opens a file with this content, and closes it. @returns the lines with results, and the content then */
async function reopen(content: string) {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-results-'));
  onTestFinished(async () => await rm(folder, { recursive: true }));
  const path = join(folder, 'results.jsonl');
  await writeFile(path, content);
  const results = await ResultsFile.open(path);
  await results.close();
  return { lines: [...results.done.keys()], content: await readFile(path, 'utf8') };
}

const [first, second] = [1, 2].map((line) => `{"line":${line},"key":"k","status":"succeeded"}`);

it.each([
  ['an empty line', `${first}\n\n \r\n${second}\n`],
  ['a byte order mark', `\uFEFF${first}\n${second}\n`],
  ['lines with carriage returns', `${first}\r\n${second}\r\n`],
])('takes a file that an editor has left with %s', async (_, content) => {
  expect(await reopen(content)).toEqual({ lines: [1, 2], content });
});

it.each([`${first}\n${second}`, `\uFEFF${first}\n${second} `])(
  'keeps a whole last line without a newline: %j',
  async (content) => {
    expect(await reopen(content)).toEqual({ lines: [1, 2], content: `${content}\n` });
  },
);

it('keeps a whole only line without a newline, behind a byte order mark', async () => {
  expect(await reopen(`\uFEFF${first}`)).toEqual({ lines: [1], content: `\uFEFF${first}\n` });
});

it('removes a torn last line', async () => {
  expect(await reopen(`${first}\n{"line":2,"ke`)).toEqual({ lines: [1], content: `${first}\n` });
});

it.each(['   notes', `${first}\n   notes`, `${first}\n{"lines":`])('refuses %j', async (content) => {
  await expect(reopen(content)).rejects.toThrow('is not a results file');
});
