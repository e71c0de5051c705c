/** The official client of npm, LangChain and the AI SDK, unchanged: their answers, error classes and retries. */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { OpenAI as LangChainOpenAI } from '@langchain/openai';
import { generateText, streamText } from 'ai';
import OpenAI, {
  APIConnectionTimeoutError,
  AuthenticationError,
  BadRequestError,
  type ClientOptions,
  ConflictError,
  InternalServerError,
  NotFoundError,
  RateLimitError,
} from 'openai';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { launchOpenAiService, type OpenAiService } from './openai-service.ts';

const model = 'tiny-tales';

let service: OpenAiService;
let apiKey: string;
let client: OpenAI;

beforeAll(async () => {
  // One owner may take half of the free places.
  service = await launchOpenAiService({ RATE_LIMIT_PER_MINUTE: '60', MAX_QUEUE_LENGTH: '90' });
  apiKey = await service.makeKey();
  client = new OpenAI({ baseURL: service.baseUrl, apiKey, maxRetries: 0 });
  await vi.waitUntil(async () => (await client.models.list()).data.length > 0, { timeout: 30_000 });
});
afterAll(async () => {
  await service?.stop();
});

const refusalOf = async (params: object): Promise<unknown> =>
  await client.completions
    .create({ model, prompt: 'Once', ...params } as OpenAI.CompletionCreateParamsNonStreaming)
    .catch((error: unknown) => error);

const clientWithNewKey = async (options: ClientOptions = {}): Promise<OpenAI> =>
  new OpenAI({ baseURL: service.baseUrl, apiKey: await service.makeKey(), maxRetries: 0, ...options });

describe('openai', () => {
  it('lists the model, and gets it by its names', async () => {
    const models: string[] = [];
    for await (const { id } of client.models.list()) models.push(id);
    expect(models).toEqual([model]);
    expect(await client.models.retrieve(model)).toMatchObject({ id: model, object: 'model' });
    expect(await client.models.retrieve(`someone/${model}`)).toMatchObject({ id: `someone/${model}` });
    await expect(client.models.retrieve('gpt2')).rejects.toBeInstanceOf(NotFoundError);
  });

  it('completes a prompt, the same for the same seed', async () => {
    const params = { model, prompt: 'Once upon a time', max_tokens: 12, seed: 7 };
    const { data, response } = await client.completions.create(params).withResponse();
    expect(data).toMatchObject({
      object: 'text_completion',
      model,
      choices: [{ index: 0, logprobs: null, finish_reason: 'length' }],
      usage: { prompt_tokens: 4, completion_tokens: 12, total_tokens: 16 },
    });
    const job = await service.jobOf(apiKey, response.headers.get('x-job-id'));
    expect(job.output?.generated_text).toBe(`Once upon a time${data.choices[0]?.text}`);
    const again = await client.completions.create(params);
    expect(again.choices).toEqual(data.choices);
    expect(again.system_fingerprint).toBe(data.system_fingerprint);
  });

  it('completes lists of prompts, n times each', async () => {
    const params = { model, prompt: ['The king', 'The sea'], n: 2, max_tokens: 4, seed: 7 };
    const { choices, usage } = await client.completions.create(params);
    expect(choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    const second = await client.completions.create({ model, prompt: 'The sea', max_tokens: 4, seed: 8 });
    expect(choices[3]?.text).toBe(second.choices[0]?.text);
    expect(usage?.completion_tokens).toBe(16);
  });

  it('ends texts before a stop string', async () => {
    const params = { model, prompt: 'Once upon a time', temperature: 0, max_tokens: 40, stop: ['money'] };
    const { choices } = await client.completions.create(params);
    expect(choices[0]).toMatchObject({ text: ' there was a great deal of ', finish_reason: 'stop' });
  });

  it('streams the texts of all choices, and their usage', async () => {
    const params = { model, prompt: ['The king', 'The sea'], max_tokens: 20, seed: 7 };
    const whole = await client.completions.create(params);
    const stream = await client.completions.create({
      ...params,
      stream: true,
      stream_options: { include_usage: true },
    });
    const texts = ['', ''];
    const reasons: string[] = [];
    let usage;
    for await (const chunk of stream) {
      usage = chunk.usage;
      for (const { index, text, finish_reason: reason } of chunk.choices) {
        texts[index] += text;
        if (reason !== null) reasons.push(reason);
      }
    }
    expect(texts).toEqual(whole.choices.map(({ text }) => text));
    expect(reasons).toHaveLength(2);
    expect(usage).toEqual(whole.usage);
  });

  it('leaves the job of a stream that is aborted', async () => {
    const params = { model, prompt: 'Once upon a time', max_tokens: 400, stream: true } as const;
    const { data: stream, response } = await client.completions.create(params).withResponse();
    for await (const { choices } of stream) if (choices[0]?.text !== '') break;
    const job = await service.jobOf(apiKey, response.headers.get('x-job-id'));
    expect(job).toMatchObject({ status: 'succeeded' });
  });

  it('throws the error of a stream whose job is canceled', async () => {
    await service.pause();
    const params = { model, prompt: 'The goose', stream: true } as const;
    const { data: stream, response } = await client.completions.create(params).withResponse();
    const headers = { Authorization: `Bearer ${apiKey}` };
    await service.request(`/jobs/${response.headers.get('x-job-id')}/cancel`, { method: 'POST', headers });
    const read = async (): Promise<void> => {
      for await (const { choices } of stream) expect(choices).toEqual([]);
    };
    await expect(read()).rejects.toMatchObject({ code: 'job_canceled' });
    await service.resume();
  });

  it('throws the error class of each refusal', async () => {
    const wrongKey = new OpenAI({ baseURL: service.baseUrl, apiKey: 'pm_wrong', maxRetries: 0 });
    await expect(wrongKey.models.list()).rejects.toBeInstanceOf(AuthenticationError);
    const unknown = await refusalOf({ model: 'gpt-3.5-turbo-instruct' });
    expect(unknown).toBeInstanceOf(NotFoundError);
    expect(unknown).toMatchObject({ code: 'model_not_found', param: 'model', type: 'invalid_request_error' });
    const tokens = await refusalOf({ prompt: [464, 3290] });
    expect(tokens).toBeInstanceOf(BadRequestError);
    expect(tokens).toMatchObject({ status: 400, param: 'prompt', requestID: expect.any(String) as string });
    expect(await refusalOf({ max_tokens: 600 })).toMatchObject({
      code: 'context_length_exceeded',
      message: expect.stringContaining("This model's maximum context length is 512 tokens") as string,
    });
    expect(await refusalOf({ prompt: 'I hate it' })).toMatchObject({ code: 'prompt_refused' });
    expect(await refusalOf({ logprobs: 1 })).toMatchObject({ param: 'logprobs' });
  });

  it('throws RateLimitError when the key has made too many jobs', async () => {
    const limited = await clientWithNewKey();
    const params = { model, prompt: 'Once', max_tokens: 1, n: 40 };
    expect((await limited.completions.create(params)).choices).toHaveLength(40);
    await expect(limited.completions.create(params)).rejects.toBeInstanceOf(RateLimitError);
  });

  it('throws ConflictError when its job is canceled, and asks only once', async () => {
    await service.pause();
    const patient = new OpenAI({ baseURL: service.baseUrl, apiKey, maxRetries: 5 });
    const refused = patient.completions.create({ model, prompt: 'The goose' }).catch((error: unknown) => error);
    const headers = { Authorization: `Bearer ${apiKey}` };
    const queued = async () =>
      (await service.request<{ data: { id: string }[] }>('/jobs?status=queued', { headers })).body.data;
    await expect.poll(queued).toHaveLength(1);
    const [job] = await queued();
    await service.request(`/jobs/${job?.id}/cancel`, { method: 'POST', headers });
    expect(await refused).toBeInstanceOf(ConflictError);
    await service.resume();
  });

  it('tries again by itself while the queue is full', async () => {
    await service.pause();
    const params = { model, prompt: 'Once', max_tokens: 1 };
    // Jobs of the test before count until the queue is counted again.
    const filling = (await clientWithNewKey({ maxRetries: 3 })).completions.create({ ...params, n: 45 });
    const queue = async () => (await service.request<{ queue: object }>('/health')).body.queue;
    await expect.poll(queue).toMatchObject({ queued: 45 });
    expect(await refusalOf({ n: 8 })).toBeInstanceOf(InternalServerError);
    const statuses: number[] = [];
    const patient = await clientWithNewKey({
      maxRetries: 3,
      async fetch(url, init) {
        const response = await fetch(url, init);
        statuses.push(response.status);
        if (response.status === 503) await service.resume();
        return response;
      },
    });
    expect((await patient.completions.create({ ...params, n: 8 })).choices).toHaveLength(8);
    expect((await filling).choices).toHaveLength(45);
    expect([statuses[0], statuses.at(-1)]).toEqual([503, 200]);
  });

  it('throws APIConnectionTimeoutError, and the job is there all the same', async () => {
    await service.pause();
    const hasty = new OpenAI({ baseURL: service.baseUrl, apiKey, maxRetries: 0, timeout: 300 });
    const params = { model, prompt: 'The old fox', max_tokens: 3 };
    await expect(hasty.completions.create(params)).rejects.toBeInstanceOf(APIConnectionTimeoutError);
    await service.resume();
    const headers = { Authorization: `Bearer ${apiKey}` };
    const texts = async () => (await service.request<{ prompt: string }[]>('/history?limit=5', { headers })).body;
    await expect.poll(async () => (await texts()).map(({ prompt }) => prompt)).toContain('The old fox');
  });
});

describe('other clients', () => {
  const params = { prompt: 'Once upon a time', max_tokens: 8, seed: 7, temperature: 0.5 };
  const expected = async () => (await client.completions.create({ ...params, model })).choices[0]?.text;

  it('LangChain completes prompts', async () => {
    const options = { apiKey, configuration: { baseURL: service.baseUrl }, maxRetries: 0, modelKwargs: { seed: 7 } };
    const langChain = new LangChainOpenAI({ ...options, model, maxTokens: 8, temperature: 0.5 });
    expect(await langChain.invoke(params.prompt)).toBe(await expected());
    const { generations, llmOutput } = await langChain.generate(['The king', 'The sea']);
    expect(generations.map((each) => each.length)).toEqual([1, 1]);
    expect(llmOutput).toMatchObject({ tokenUsage: { completionTokens: 16 } });
    const parts: string[] = [];
    for await (const part of await langChain.stream(params.prompt)) parts.push(part);
    expect(parts.join('')).toBe(await expected());
    const wrong = new LangChainOpenAI({ ...options, model: 'gpt-3.5-turbo-instruct' });
    await expect(wrong.invoke('Once')).rejects.toMatchObject({ status: 404 });
  });

  it('the AI SDK completes prompts', async () => {
    const provider = createOpenAICompatible({ name: 'prosemill', baseURL: service.baseUrl, apiKey });
    const options = { model: provider.completionModel(model), maxOutputTokens: 8, seed: 7, temperature: 0.5 };
    const { text, usage, finishReason, response } = await generateText({ ...options, prompt: params.prompt });
    expect(usage).toMatchObject({ outputTokens: 8 });
    expect(finishReason).toBe('length');
    const job = await service.jobOf(apiKey, response.headers?.['x-job-id'] ?? null);
    // The SDK writes the roles of a conversation into the prompt.
    expect(job.prompt).toBe('user:\nOnce upon a time\n\nassistant:\n');
    expect(job.output?.generated_text).toBe(job.prompt + text);
    const streamed = streamText({ ...options, prompt: params.prompt });
    expect(await streamed.text).toBe(text);
    const wrong = { ...options, model: provider.completionModel('gpt-4'), maxRetries: 0 };
    await expect(generateText({ ...wrong, prompt: 'Once' })).rejects.toMatchObject({ statusCode: 404 });
  });
});
