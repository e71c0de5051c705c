import type { Outcome } from '@prosemill/core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createKey } from '../../auth/create-key.ts';
import { openTestApi } from '../../test-api.ts';
import { type CompletionApi, contextLength, model, openCompletionApi, written } from './test-completions.ts';

const failed = (): Outcome => ({
  type: 'failed',
  error: { code: 'generation_failed', message: 'Broken.' },
  partial: null,
});
const optionalFields = [
  ['max_tokens', 'temperature', 'top_p', 'top_k', 'n', 'stop', 'seed', 'stream', 'stream_options', 'user'],
  ['best_of', 'echo', 'frequency_penalty', 'logit_bias', 'logprobs', 'presence_penalty', 'suffix'],
].flat();

describe('POST /v1/completions', () => {
  let opened: CompletionApi;
  beforeEach(async () => {
    opened = await openCompletionApi({ forbiddenWords: ['hate'], maxQueueLength: 10 });
  });
  afterEach(async () => await opened.close());

  /** The answer, and the jobs in the order of their claims. */
  async function completed(body: object, { jobs = 1, headers = {} } = {}) {
    const [answer, claimed] = await Promise.all([opened.complete(body, headers), opened.work(jobs)]);
    return { answer, claimed };
  }
  it('answers with the completion alone', async () => {
    const { answer, claimed } = await completed({ prompt: 'abc', seed: 7 });
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      id: `cmpl-${claimed[0]?.id}`,
      object: 'text_completion',
      created: Math.floor((claimed[0]?.createdAt.getTime() ?? 0) / 1_000),
      model: model.name,
      system_fingerprint: model.fingerprint,
      choices: [{ index: 0, text: ' 7 after abc', logprobs: null, finish_reason: 'length' }],
      usage: { prompt_tokens: 3, completion_tokens: 3, total_tokens: 6 },
    });
    expect(answer.headers.get('x-job-id')).toBe(claimed[0]?.id);
    expect(answer.headers.get('Server-Timing')).toMatch(/^queue;dur=/);
  });

  it('has OpenAI’s defaults, and goes before jobs that nobody waits for', async () => {
    const { claimed } = await completed({ prompt: 'abc', user: 'ada' });
    expect(claimed[0]).toMatchObject({
      priorityClass: 0,
      hasOwnSeed: false,
      metadata: { user: 'ada' },
      parameters: {
        maxNewTokens: 16,
        maxLength: null,
        temperature: 1,
        topP: 1,
        topK: 50,
        repetitionPenalty: 1,
        stop: [],
      },
    });
  });

  it('passes parameters on', async () => {
    const { claimed } = await completed({
      prompt: 'abc',
      max_tokens: 5,
      temperature: 0,
      top_p: 0.5,
      top_k: 0,
      stop: 'x',
      seed: 9,
    });
    expect(claimed[0]).toMatchObject({
      seed: 9,
      hasOwnSeed: true,
      parameters: { maxNewTokens: 5, temperature: 0, topP: 0.5, topK: 0, stop: ['x'] },
    });
  });

  it('makes n choices of each prompt, with the seeds that follow', async () => {
    const body = { prompt: ['ab', 'cde'], n: 2, seed: 0xff_ff_ff_ff };
    const { answer, claimed } = await completed(body, { jobs: 4 });
    expect(answer.body.choices.map(({ index, text }) => [index, text])).toEqual([
      [0, ' 4294967295 after ab'],
      [1, ' 0 after ab'],
      [2, ' 4294967295 after cde'],
      [3, ' 0 after cde'],
    ]);
    expect(answer.body.usage).toEqual({ prompt_tokens: 5, completion_tokens: 12, total_tokens: 17 });
    expect(answer.headers.get('x-job-id')).toBe(claimed[0]?.id);
  });

  it('takes prompts up to the context of the model', async () => {
    const prompt = 'a'.repeat(contextLength - 16);
    expect((await completed({ prompt })).answer.status).toBe(200);
    const { status, body } = await opened.complete({ prompt: `${prompt}aa` });
    expect([status, body.error]).toEqual([
      400,
      {
        message:
          "This model's maximum context length is 2048 tokens, however you requested 2050 tokens (2034 in your prompt; 16 for the completion). Please reduce your prompt; or completion length.",
        type: 'invalid_request_error',
        param: null,
        code: 'context_length_exceeded',
      },
    ]);
  });

  it('accepts bodies of a mebibyte, and refuses larger ones', async () => {
    const { status, body } = await opened.complete({ prompt: 'a'.repeat(1_000_000) });
    expect([status, body.error.code]).toEqual([400, 'context_length_exceeded']);
    expect(body.error.message).toBe(
      "This model's maximum context length is 2048 tokens, however you requested more than 4112 tokens (more than 4096 in your prompt; 16 for the completion). Please reduce your prompt; or completion length.",
    );
    const larger = await opened.complete({ prompt: 'a'.repeat(1_050_000) });
    expect([larger.status, larger.body.error.code]).toEqual([413, 'body_too_large']);
  });

  it('refuses very long prompts while no model is known, and asks clients to try again', async () => {
    const without = await openTestApi();
    const answer = await without.api.app.request('/v1/completions', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ model: 'any', prompt: 'a'.repeat(100_000) }),
    });
    expect([answer.status, answer.headers.get('x-should-retry')]).toEqual([503, 'true']);
    await without.close();
  });

  it.each([
    { best_of: 1, echo: false, frequency_penalty: 0, logit_bias: {}, presence_penalty: 0, suffix: '' },
    { stream: false, stream_options: { include_usage: true, include_obfuscation: false } },
    Object.fromEntries(optionalFields.map((name) => [name, null])),
  ])('accepts other fields of OpenAI’s at the value that changes nothing: %j', async (fields) => {
    expect((await completed({ prompt: 'abc', ...fields })).answer.status).toBe(200);
  });

  it('knows the model by its name, with any owner', async () => {
    expect((await completed({ prompt: 'abc', model: 'someone/tiny-tales' })).answer.body.model).toBe('tiny-tales');
    const { status, body } = await opened.complete({ prompt: 'abc', model: 'gpt-3.5-turbo-instruct' });
    expect([status, body.error]).toEqual([
      404,
      {
        message: 'model: "gpt-3.5-turbo-instruct" does not exist. This service runs tiny-tales.',
        type: 'invalid_request_error',
        param: 'model',
        code: 'model_not_found',
      },
    ]);
  });

  it('accepts all of its jobs or none', async () => {
    const refused = await opened.complete({ prompt: ['abc', 'I hate it'] });
    expect([refused.status, refused.body.error.code]).toEqual([400, 'prompt_refused']);
    const tooMany = await opened.complete({ prompt: 'abc', n: 11 });
    expect([tooMany.status, tooMany.headers.get('x-should-retry')]).toEqual([400, 'false']);
    expect(await opened.queued()).toBe(0);
    const filling = opened.complete({ prompt: 'abc', n: 9 });
    await expect.poll(opened.queued).toBe(9);
    const full = await opened.complete({ prompt: 'abc', n: 2 });
    expect([full.status, full.body.error.code, full.headers.get('x-should-retry')]).toEqual([
      503,
      'queue_full',
      'true',
    ]);
    expect(full.headers.get('Retry-After')).toBe('5');
    expect(await opened.queued()).toBe(9);
    await Promise.all([filling, opened.work(9)]);
  });

  it('fails with its first job that ends without a text, and is not to be repeated', async () => {
    const [answer, claimed] = await Promise.all([opened.complete({ prompt: ['abc', 'def'] }), opened.work(1, failed)]);
    expect([answer.status, answer.body.error]).toEqual([
      500,
      { message: 'Model inference failed: Broken.', type: 'server_error', param: null, code: 'generation_failed' },
    ]);
    expect(answer.headers.get('x-should-retry')).toBe('false');
    expect(answer.headers.get('x-job-id')).toBe(claimed[0]?.id);
    expect(answer.headers.get('Server-Timing')).toMatch(/^queue;dur=\d+, wait;dur=[\d.]+$/);
  });

  it('answers 409 when its job is canceled', async () => {
    const answering = opened.complete({ prompt: 'abc' });
    await expect.poll(opened.queued).toBe(1);
    const page = await opened.send('/jobs?status=queued');
    const [job] = (page.body as unknown as { data: { id: string }[] }).data;
    await opened.send(`/jobs/${job?.id}/cancel`, { method: 'POST' });
    const { status, headers, body } = await answering;
    expect([status, body.error.code, headers.get('x-should-retry')]).toEqual([409, 'job_canceled', 'false']);
    expect(headers.get('Server-Timing')).toMatch(/^wait;dur=[\d.]+$/);
  });

  it('asks clients to try again when the process stops', async () => {
    const answering = opened.complete({ prompt: 'abc' });
    await expect.poll(opened.queued).toBe(1);
    opened.api.beginShutdown();
    const { status, headers, body } = await answering;
    expect([status, body.error.code, headers.get('x-should-retry')]).toEqual([503, 'shutting_down', 'true']);
    expect(headers.get('Server-Timing')).toMatch(/^wait;dur=[\d.]+$/);
    expect(await opened.queued()).toBe(1);
  });

  describe('with an Idempotency-Key', () => {
    const headers = { 'Idempotency-Key': 'k' };

    it.each([
      [{ prompt: 'abc' }, 1],
      [{ prompt: ['abc', 'def'], n: 2 }, 4],
    ])('gives the same answer to %j again', async (body, jobs) => {
      const { answer } = await completed(body, { jobs, headers });
      const again = await opened.complete(body, headers);
      expect(again.body).toEqual(answer.body);
      expect([answer, again].map((each) => each.headers.get('Idempotent-Replayed'))).toEqual([null, 'true']);
      const other = await opened.complete({ ...body, n: 3 }, headers);
      expect([other.status, other.body.error.code]).toEqual([400, 'idempotency_key_reused']);
      expect(await opened.queued()).toBe(0);
    });

    it('computes only those choices again that had failed', async () => {
      const body = { prompt: ['abc', 'def'], seed: 1 };
      const outcomes = [written, failed];
      const answering = opened.complete(body, headers);
      const claimed = await opened.work(2, (job) => (outcomes.shift() ?? written)(job));
      const answer = await answering;
      expect([answer.status, answer.headers.get('x-job-id')]).toEqual([500, claimed[1]?.id]);
      const [again, repeated] = await Promise.all([opened.complete(body, headers), opened.work(1)]);
      expect(again.body.choices.map(({ text }) => text)).toEqual([' 1 after abc', ' 1 after def']);
      expect(again.headers.get('Idempotent-Replayed')).toBeNull();
      expect(again.headers.get('x-job-id')).toBe(claimed[0]?.id);
      expect(repeated[0]?.prompt).toBe('def');
    });

    it('shares the key with the other routes', async () => {
      await completed({ prompt: 'abc', max_tokens: 5, seed: 1 }, { headers });
      const { status, headers: answered } = await opened.send('/jobs', {
        method: 'POST',
        headers: { ...headers, 'Content-Type': 'application/json' },
        body: JSON.stringify({ prompt: 'abc', max_new_tokens: 5, seed: 1 }),
      });
      expect([status, answered.get('Idempotent-Replayed')]).toEqual([202, 'true']);
    });
  });
});

describe('POST /v1/completions with a wrong value', () => {
  let opened: CompletionApi;
  beforeAll(async () => {
    opened = await openCompletionApi();
  });
  afterAll(async () => await opened.close());

  it.each([
    [{ prompt: [464, 3290] }, 'prompt', /lists of tokens are not supported/],
    [{ prompt: [[464], [3290]] }, 'prompt', /lists of tokens are not supported/],
    [{ prompt: null }, 'prompt', /must be a string or a list of strings/],
    [{ prompt: [] }, 'prompt', /^prompt: /],
    [{ prompt: '' }, 'prompt', /^prompt: must not be empty/],
    [{ prompt: ['a', ''] }, 'prompt', /^prompt\[1\]: must not be empty/],
    [{ prompt: '\ud800' }, 'prompt', /^prompt: must not contain a lone surrogate/],
    [{ prompt: ['a', 'b\u0000'] }, 'prompt', /^prompt\[1\]: must not contain U\+0000/],
    [{ model: 5 }, 'model', /^model: /],
    [{ max_tokens: 0 }, 'max_tokens', /^max_tokens: /],
    [{ temperature: 2.5 }, 'temperature', /^temperature: /],
    [{ stop: ['a', 'b', 'c', 'd', 'e'] }, 'stop', /^stop: /],
    [{ seed: -1 }, 'seed', /^seed: /],
    [{ n: 129 }, 'n', /^n: /],
    [{ prompt: ['a', 'b'], n: 65 }, 'n', /^n: prompts × n must be at most 128/],
    [{ prompt: 'a'.repeat(100_000), n: 11 }, 'n', /^n: the prompts of all choices/],
    [{ best_of: 2 }, 'best_of', /^best_of: must be 1, or left out: /],
    [{ echo: true }, 'echo', /^echo: must be false/],
    [{ logprobs: 0 }, 'logprobs', /^logprobs: must be null/],
    [{ logit_bias: { 50256: -100 } }, 'logit_bias', /^logit_bias: must be empty/],
    [{ presence_penalty: 0.1 }, 'presence_penalty', /^presence_penalty: must be 0/],
    [{ frequency_penalty: -0.1 }, 'frequency_penalty', /^frequency_penalty: must be 0/],
    [{ stream_options: { include_obfuscation: true } }, 'stream_options', /^stream_options\.include_obfuscation: /],
    [{ stream: true, n: 0 }, 'n', /^n: /],
    [{ suffix: 'a' }, 'suffix', /^suffix: must be ""/],
  ])('refuses %j with 400', async (fields, param, message) => {
    const { status, headers, body } = await opened.complete({ prompt: 'abc', ...fields });
    expect(status).toBe(400);
    expect(body).toEqual({
      error: {
        message: expect.stringMatching(message) as string,
        type: 'invalid_request_error',
        param,
        code: 'invalid_value',
      },
    });
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': 'application/json',
      'x-should-retry': 'false',
    });
  });

  it('names the fields that it does not know', async () => {
    const { status, body } = await opened.complete({ prompt: 'abc', messages: [], min_p: 0 });
    expect([status, body.error]).toEqual([
      400,
      {
        message: 'messages: is not a known name; min_p: is not a known name',
        type: 'invalid_request_error',
        param: 'messages',
        code: 'unknown_parameter',
      },
    ]);
  });
});

describe('OpenAI’s error format', () => {
  it('is that of every error of /v1', async () => {
    const opened = await openCompletionApi({ access: { auth: 'keys', adminKey: null }, submitsPerMinute: 4 });
    const { store, send } = opened;
    const { secret } = await createKey(store.apiKeys, { owner: 'acme', name: 'a', scopes: ['generate', 'read'] });
    const { secret: reader } = await createKey(store.apiKeys, { owner: 'acme', name: 'b', scopes: ['read'] });
    const headers = { Authorization: `Bearer ${secret}`, 'Content-Type': 'application/json' };
    const post = async (body: string, overrides = {}) =>
      await send('/v1/completions', { method: 'POST', headers: { ...headers, ...overrides }, body });
    const valid = JSON.stringify({ model: model.name, prompt: 'abc', n: 3 });
    const answers = [
      await post(valid, { Authorization: 'Bearer wrong' }),
      await post(valid, { Authorization: `Bearer ${reader}` }),
      await send('/v1/nothing', { headers }),
      await send('/v1/completions', { headers }),
      await post(valid, { 'Content-Type': 'text/plain' }),
      await post(JSON.stringify({ model: model.name, prompt: 'abc', n: 5 })),
      await post('{'),
    ];
    expect(answers.map(({ status, body: { error } }) => [status, error.type, error.code])).toEqual([
      [401, 'invalid_request_error', 'invalid_api_key'],
      [403, 'invalid_request_error', 'forbidden'],
      [404, 'invalid_request_error', 'not_found'],
      [405, 'invalid_request_error', 'method_not_allowed'],
      [415, 'invalid_request_error', 'unsupported_media_type'],
      [400, 'invalid_request_error', 'invalid_value'],
      [400, 'invalid_request_error', 'invalid_json'],
    ]);
    expect(answers[3]?.headers.get('Allow')).toBe('POST');
    for (const answer of answers) {
      expect(answer.headers.get('Content-Type')).toBe('application/json');
      expect(answer.headers.get('x-should-retry')).toBe('false');
    }
    await opened.close();
  });

  it('tells how long to wait, by the number of jobs', async () => {
    const opened = await openCompletionApi({ access: { auth: 'keys', adminKey: null }, submitsPerMinute: 4 });
    const { secret } = await createKey(opened.store.apiKeys, { owner: 'acme', name: 'a', scopes: ['generate'] });
    const headers = { Authorization: `Bearer ${secret}` };
    const [first] = await Promise.all([opened.complete({ prompt: 'abc', n: 3 }, headers), opened.work(3)]);
    expect([first.status, first.headers.get('RateLimit')]).toEqual([200, '"submit";r=1;t=45']);
    const second = await opened.complete({ prompt: 'abc', n: 3 }, headers);
    expect([second.status, second.body.error]).toEqual([
      429,
      {
        message: 'This key may submit 4 times a minute.',
        type: 'rate_limit_error',
        param: null,
        code: 'rate_limit_exceeded',
      },
    ]);
    expect(second.headers.get('x-should-retry')).toBe('true');
    expect(Number(second.headers.get('retry-after-ms'))).toBeGreaterThan(25_000);
    expect(await opened.queued()).toBe(0);
    await opened.close();
  });
});
