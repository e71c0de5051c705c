import type { CompletionChunk, OpenAiError } from '@prosemill/contract';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createKey } from '../../auth/create-key.ts';
import { StreamedTexts } from '../../services/streamed-texts.ts';
import { TestWorker } from '../../test-streams.ts';
import { type CompletionApi, model, openCompletionApi } from './test-completions.ts';

interface Received {
  readonly chunks: readonly CompletionChunk[];
  readonly error: OpenAiError['error'] | null;
  readonly isDone: boolean;
}

async function receive(response: Response): Promise<Received> {
  const lines = (await response.text()).split('\n').filter((line) => line.startsWith('data: '));
  const data = lines.map((line) => line.slice('data: '.length));
  const values = data
    .filter((each) => each !== '[DONE]')
    .map((each) => JSON.parse(each) as CompletionChunk & OpenAiError);
  return {
    chunks: values.filter(({ error }) => error === undefined),
    error: values.find(({ error }) => error !== undefined)?.error ?? null,
    isDone: data.at(-1) === '[DONE]',
  };
}

const textOf = ({ chunks }: Received, index = 0): string =>
  chunks
    .flatMap(({ choices }) => choices)
    .filter((choice) => choice.index === index)
    .map(({ text }) => text)
    .join('');

describe('POST /v1/completions with stream', () => {
  let opened: CompletionApi;
  beforeEach(async () => {
    opened = await openCompletionApi();
  });
  afterEach(async () => await opened.close());

  const start = async (body: object = {}): Promise<Response> =>
    await opened.api.app.request('/v1/completions', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ model: model.name, prompt: 'abc', stream: true, ...body }),
    });
  const claim = async (): Promise<TestWorker> => await TestWorker.claim(opened.store, opened.wakeUps);

  it('sends the text as it is written, and its end', async () => {
    const response = await start();
    expect([response.status, response.headers.get('Content-Type')]).toEqual([200, 'text/event-stream']);
    const receiving = receive(response);
    const worker = await claim();
    expect(response.headers.get('x-job-id')).toBe(worker.key.id);
    await worker.write(' once');
    await worker.write(' there 🦊');
    await worker.succeed(' was');
    const received = await receiving;
    expect(textOf(received)).toBe(' once there 🦊 was');
    expect([received.isDone, received.error]).toEqual([true, null]);
    expect(received.chunks.at(-1)).toEqual({
      id: `cmpl-${worker.key.id}`,
      object: 'text_completion',
      created: expect.any(Number) as number,
      model: expect.any(String) as string,
      system_fingerprint: 'f',
      choices: [{ index: 0, text: '', logprobs: null, finish_reason: 'length' }],
    });
    expect(received.chunks.slice(0, -1).map(({ choices }) => choices[0]?.finish_reason)).not.toContain('length');
  });

  it('ends with the usage, if asked for', async () => {
    const receiving = receive(await start({ stream_options: { include_usage: true } }));
    const worker = await claim();
    await worker.write(' once');
    await worker.succeed();
    const { chunks } = await receiving;
    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 },
    });
    expect(chunks.slice(0, -1).map(({ usage }) => usage)).toEqual(chunks.slice(1).map(() => null));
  });

  it('sends the choices as they are written, with their indexes', async () => {
    const receiving = receive(await start({ prompt: ['abc', 'def'] }));
    const [first, second] = [await claim(), await claim()];
    await second.write(' two');
    await first.write(' one');
    await second.succeed(' and the rest');
    await first.succeed();
    const received = await receiving;
    expect([textOf(received, 0), textOf(received, 1)]).toEqual([' one', ' two and the rest']);
    const ends = received.chunks.flatMap(({ choices }) => choices).filter((choice) => choice.finish_reason !== null);
    expect(ends.map(({ index }) => index)).toEqual(expect.arrayContaining([0, 1]));
    expect(ends).toHaveLength(2);
    expect(received.isDone).toBe(true);
  });

  it('goes on after a rerun that writes the same text', async () => {
    const receiving = receive(await start());
    const worker = await claim();
    await worker.write(' once');
    await worker.end({ type: 'released' });
    const again = await claim();
    await again.write(' once');
    await again.succeed(' more');
    const received = await receiving;
    expect([textOf(received), received.isDone]).toEqual([' once more', true]);
  });

  it('ends with an error when a rerun writes another text', async () => {
    const response = await start();
    const reader = response.body?.getReader();
    const worker = await claim();
    await worker.write(' once');
    const decoder = new TextDecoder();
    let text = '';
    while (!text.includes('" once"')) text += decoder.decode((await reader?.read())?.value, { stream: true });
    await worker.end({ type: 'released' });
    const again = await claim();
    await again.succeed(' never');
    for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) {
      text += decoder.decode(part.value, { stream: true });
    }
    const received = await receive(new Response(text));
    expect(received).toMatchObject({ error: { type: 'server_error', code: 'worker_lost' }, isDone: false });
  });

  it('ends with the error of a job that has no text', async () => {
    const receiving = receive(await start());
    const worker = await claim();
    await worker.end({ type: 'failed', error: { code: 'generation_failed', message: 'Broken.' }, partial: null });
    expect(await receiving).toMatchObject({
      chunks: [],
      error: { message: 'Model inference failed: Broken.', code: 'generation_failed' },
      isDone: false,
    });
  });

  it('ends with an error when the process stops, and the job goes on', async () => {
    const receiving = receive(await start());
    opened.api.beginShutdown();
    expect(await receiving).toMatchObject({ error: { code: 'shutting_down' }, isDone: false });
    expect(await opened.queued()).toBe(1);
  });

  it('leaves the jobs of a client that goes away', async () => {
    const response = await start({ n: 3 });
    await response.body?.cancel();
    expect(await opened.queued()).toBe(3);
  });

  it('leaves the texts of a client that stops to read and is cut', async () => {
    const [join, leave] = [vi.spyOn(StreamedTexts.prototype, 'join'), vi.spyOn(StreamedTexts.prototype, 'leave')];
    onTestFinished(() => void vi.restoreAllMocks());
    const response = await start({ prompt: ['abc', 'def'] });
    const reader = response.body?.getReader();
    const reading = reader?.read();
    for (const worker of [await claim(), await claim()]) await worker.write(' once');
    await reading;
    expect(join).toHaveBeenCalledTimes(2);
    await reader?.cancel();
    await expect.poll(() => leave.mock.calls.length).toBe(2);
  });

  it('ends with an error when other requests have taken the room of its owner, and the jobs go on', async () => {
    const full = await openCompletionApi({ access: { auth: 'keys', adminKey: null }, maxQueueLength: 2_048 });
    onTestFinished(async () => await full.close());
    const key = await createKey(full.store.apiKeys, { owner: 'owner', name: 'key', scopes: ['generate'] });
    const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${key.secret}` };
    const body = JSON.stringify({ model: model.name, prompt: 'abc', stream: true, n: 128 });
    const open = async () => await full.api.app.request('/v1/completions', { method: 'POST', headers, body });
    const responses = await Promise.all(Array.from({ length: 8 }, open));
    expect(responses.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200));
    const readers = responses.map((response) => response.body?.getReader());
    const first = await Promise.race(readers.map(async (reader) => await reader?.read()));
    const received = await receive(new Response(first?.value));
    expect(received.error).toMatchObject({ type: 'rate_limit_error', code: 'rate_limit_exceeded' });
    await Promise.all(readers.map(async (reader) => await reader?.cancel()));
    expect(await full.queued()).toBe(1_024);
  });

  it('answers a refusal as without a stream', async () => {
    const response = await start({ model: 'gpt-4' });
    expect([response.status, response.headers.get('Content-Type')]).toEqual([404, 'application/json']);
  });
});
