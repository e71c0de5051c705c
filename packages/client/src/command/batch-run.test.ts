import { mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { createClient } from '../index.ts';
import { createTestService, endedJob, json, refusal, type TestAnswer, testJob } from '../test-service.ts';
import { runBatchFile } from './batch-run.ts';
import type { Context } from './context.ts';
import { BadAnswer, UsageError } from './exit-codes.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'prosemill-batch-run-'));
  onTestFinished(async () => await rm(folder, { recursive: true }));
});

/** @param answers  Those of the service, the first of which is its index. */
async function setup(content: string, ...answers: readonly TestAnswer[]) {
  const [prompts, resultsFile] = [join(folder, 'prompts.jsonl'), join(folder, 'results.jsonl')];
  await writeFile(prompts, content);
  const service = createTestService(...answers);
  const context = {
    clientFor: (retryForMs: number) => createClient({ ...service, retryForMs }),
    client: createClient({ ...service, retryForMs: 0 }),
    interrupted: new AbortController().signal,
    isJson: false,
    output: { note: () => undefined, remark: () => undefined, hasTerminalForNotes: false },
  } as unknown as Context;
  const run = async (file = prompts, toFile = resultsFile): Promise<void> =>
    await runBatchFile(context, { file, resultsFile: toFile, concurrency: 1 });
  const results = async () =>
    (await readFile(resultsFile, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
  return { run, results, prompts, resultsFile, requests: service.requests };
}

it('has a result for a line whose deadline cannot be met, and goes on', async () => {
  const { run, results } = await setup(
    '{"prompt":"a","deadline_ms":1}\n"Once"\n',
    json({}),
    refusal('deadline_unmeetable', 503, { afterMs: 250 }),
    json(testJob(), { status: 202 }),
    json(endedJob()),
  );
  await expect(run()).rejects.toThrow(BadAnswer);
  expect(await results()).toMatchObject([
    { line: 1, status: 'refused', error: { code: 'deadline_unmeetable' } },
    { line: 2, status: 'succeeded' },
  ]);
});

it('refuses a line that is too long for a request, with its number', async () => {
  const { run, requests } = await setup(`"Once"\n"${'a'.repeat(1_000_000)}"\n`);
  await expect(run()).rejects.toThrow(UsageError);
  await expect(run()).rejects.toThrow('Line 2 of ');
  expect([requests, await readdir(folder)]).toEqual([[], ['prompts.jsonl']]);
});

const resultOf = (line: number): string => `{"line":${line},"key":"k${line}","status":"succeeded"}\n`;

it.each([
  ['was cut', '"Once"\n\n'],
  ['has an empty line instead', '\n"Once"\n'],
])('refuses a file that %s, when the results have more', async (_, content) => {
  const { run, resultsFile } = await setup(content, json({}));
  await writeFile(resultsFile, content.startsWith('\n') ? resultOf(1) : resultOf(1) + resultOf(2));
  await expect(run()).rejects.toThrow(UsageError);
});

it('makes no file when the service does not answer, or is none', async () => {
  const { run } = await setup('"Once"\n', new TypeError('reset'), refusal('not_found', 404));
  await expect(run()).rejects.toMatchObject({ code: 'no_answer' });
  await expect(run()).rejects.toMatchObject({ code: 'not_found' });
  expect(await readdir(folder)).toEqual(['prompts.jsonl']);
});

it('says which of its paths does not exist', async () => {
  const { run, prompts } = await setup('"Once"\n');
  const [missing, below] = [join(folder, 'missing'), join(prompts, 'below')];
  await expect(run(missing)).rejects.toEqual(new UsageError(`${missing} does not exist.`));
  await expect(run(below)).rejects.toEqual(new UsageError(`${below} does not exist.`));
  await expect(run(prompts, join(missing, 'results.jsonl'))).rejects.toEqual(
    new UsageError(`${missing} does not exist.`),
  );
});

it('writes no results to a folder', async () => {
  const { run, prompts } = await setup('"Once"\n');
  await expect(run(prompts, folder)).rejects.toEqual(new UsageError(`${folder} is no file.`));
});

it('reads no descriptor, even if it is one of a file', async () => {
  const { run, prompts } = await setup('"Once"\n');
  await using file = await open(prompts);
  await expect(run(`/dev/fd/${file.fd}`)).rejects.toThrow('is no file');
});
