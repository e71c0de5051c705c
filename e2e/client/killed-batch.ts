/** `prosemill batch run` on a file, killed several times (kill -9) and started again. */
import { once } from 'node:events';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { endOf, startCommand } from './command-process.ts';

const kills = 3;

export interface KilledBatchOptions {
  readonly url: string;
  /** A folder for the file and its results. */
  readonly folder: string;
  readonly lines: number;
}

interface ResultLine {
  readonly line: number;
  readonly custom_id: string;
  readonly status: string;
  readonly job_id: string;
  readonly generated_text: string;
}

/** Expects exactly one result for each line, each of a job of its own. */
export async function expectWholeBatch({ url, folder, lines: count }: KilledBatchOptions): Promise<void> {
  const file = join(folder, 'prompts.jsonl');
  const resultsFile = `${file}.results.jsonl`;
  const requests = Array.from({ length: count }, (_, index) => ({
    prompt: `Once ${index}`,
    max_new_tokens: 4,
    custom_id: `c${index}`,
  }));
  await writeFile(file, requests.map((request) => `${JSON.stringify(request)}\n`).join(''));
  const countResults = async (): Promise<number> =>
    (await readFile(resultsFile, 'utf8').catch(() => '')).split('\n').length - 1;
  for (let killed = 1; killed <= kills; killed += 1) {
    const child = startCommand(['batch', 'run', file], { url });
    const enough = (count / (kills + 1)) * killed;
    await expect.poll(countResults, { timeout: 300_000 }).toBeGreaterThan(enough);
    child.kill('SIGKILL');
    await once(child, 'close');
    expect(await countResults()).toBeLessThan(count);
  }
  // A write that the end of the process has cut.
  await appendFile(resultsFile, '{"line":9');
  expect(await endOf(startCommand(['batch', 'run', file], { url }))).toEqual({ code: 0, stdout: '', stderr: '' });

  const content = await readFile(resultsFile, 'utf8');
  const results = content
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as ResultLine)
    .toSorted((a, b) => a.line - b.line);
  expect(results.map(({ line, custom_id: id, status }) => [line, id, status])).toEqual(
    requests.map(({ custom_id: id }, index) => [index + 1, id, 'succeeded']),
  );
  for (const { line, generated_text: text } of results) expect(text).toMatch(new RegExp(`^Once ${line - 1}`));
  expect(new Set(results.map((each) => each.job_id)).size).toBe(count);
}
