import { expect, it } from 'vitest';
import { createClient } from '../index.ts';
import { createTestService, endedJob, eventText, json, type TestAnswer, testJob, textStream } from '../test-service.ts';
import type { Context } from './context.ts';
import { exitCodeOf, exitCodes, OutputClosed } from './exit-codes.ts';
import { generate } from './texts.ts';

/** Runs `generate --json` without a reader of its output. The user interrupts it when the service is lost. */
async function run({ url, answers = [] }: { readonly url?: string; readonly answers?: readonly TestAnswer[] }) {
  const notes: string[] = [];
  const user = new AbortController();
  const { requests, ...service } = createTestService(...answers);
  const onRetry = (): void => user.abort(new Error('interrupted'));
  const context = {
    client: createClient(url === undefined ? { ...service, onRetry } : { url }),
    interrupted: user.signal,
    hasUrl: true,
    isJson: true,
    output: {
      note: (line: string) => notes.push(line),
      writeJson: async () => await Promise.reject(new OutputClosed()),
    },
  };
  const error = await generate(context as unknown as Context, { prompt: 'Once' }).catch((thrown: unknown) => thrown);
  return { error, notes, paths: requests.map(({ path }) => path) };
}

const submitted = json(testJob(), { status: 202 });

it('cancels no job that has ended when its reader has left', async () => {
  const { error, notes, paths } = await run({ answers: [textStream([eventText('completed', '1-0', endedJob())])] });
  expect([error, notes, paths]).toEqual([expect.any(OutputClosed), [], ['/generate']]);
});

it('cancels the job of a stream without another submit', async () => {
  const stream = textStream([eventText('status', '1-0', testJob())], { isBroken: true });
  const { notes, paths } = await run({ answers: [stream, json(endedJob({ status: 'canceled', output: null }))] });
  expect([notes, paths]).toEqual([['Canceled the job a1.'], ['/generate', '/jobs/a1/cancel']]);
});

it.each([
  ['running', testJob({ status: 'running', cancel_requested_at: '2026-01-31T12:00:00.000Z' }), 1],
  ['canceled', endedJob({ status: 'canceled', output: null }), 1],
  ['succeeded', endedJob(), 0],
])('says of a job whose stream was lost, and that is %s, whether it was canceled', async (_, job, count) => {
  const { notes, paths } = await run({ answers: [new TypeError('reset'), submitted.clone(), json(job)] });
  expect(notes).toEqual(['Canceled the job a1.'].slice(0, count));
  expect(paths).toEqual(['/generate', '/jobs', '/jobs/a1/cancel']);
});

it('cancels nothing when no request can be sent', async () => {
  const { error, notes } = await run({ url: 'http://127.0.0.1:9' });
  expect([exitCodeOf(error), notes]).toEqual([exitCodes.usage, []]);
});

it.each([{ idempotencyKey: 'ключ' }, { idempotencyKey: 'a\nb' }])('has wrong arguments with %o', async (options) => {
  const submit = createClient({ url: 'http://service.test' }).submit({ prompt: 'Once' }, options);
  expect(exitCodeOf(await submit.catch((error: unknown) => error))).toBe(exitCodes.usage);
});
