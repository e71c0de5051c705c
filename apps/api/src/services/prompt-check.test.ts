/** Refusals before a job is stored, with the tokenizer of the model that a worker serves. */
import type { Problem } from '@prosemill/contract';
import { characterTokenizer, type TokenizerFiles, wordPieceTokenizer } from '@prosemill/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTestApi, serveModel, type TestApi } from '../test-api.ts';

describe('the check of a prompt', () => {
  let opened: TestApi;

  beforeEach(async () => {
    opened = await openTestApi();
  });
  afterEach(async () => await opened.close());

  /** A worker is ready with this model. */
  async function serve(files: TokenizerFiles, vocabularySize?: number, contextLength = 256): Promise<void> {
    await serveModel(opened.store, { contextLength, files, vocabularySize });
  }

  const submit = async (body: object): Promise<{ status: number; problem: Problem }> => {
    const response = await opened.api.app.request('/jobs', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: response.status, problem: (await response.json()) as Problem };
  };
  const storedJobs = async () => (await opened.store.jobs.measureQueue()).queued;

  it.each([
    ['of characters', characterTokenizer(), ['日本', '1', '\n', '\u200B']],
    ['of word pieces', wordPieceTokenizer(), [' ', '\t\n', '\u200B', '\u0007', '\u00AD']],
  ])('refuses prompts that have no tokens with a tokenizer %s', async (_, files, prompts) => {
    await serve(files);
    for (const prompt of prompts) {
      const { status, problem } = await submit({ prompt });
      expect([prompt, status, problem.code]).toEqual([prompt, 422, 'invalid_request']);
      expect(problem.detail).toMatch(/^The prompt has no tokens: .* beginning-of-text token/);
      expect(problem.errors).toEqual([expect.objectContaining({ pointer: '/prompt' })]);
    }
    expect(await storedJobs()).toBe(0);
  });

  it('accepts such prompts where the tokenizer has a beginning-of-text token', async () => {
    await serve(wordPieceTokenizer({ config: { bos_token: '<s>' } }));
    expect((await submit({ prompt: ' ' })).status).toBe(202);
  });

  it('refuses added tokens beyond the vocabulary of the model, and only those', async () => {
    const added = { 29: { content: '<more>', special: true } };
    await serve(characterTokenizer({ config: { added_tokens_decoder: added } }), 29);
    expect(await submit({ prompt: 'a <more>' })).toMatchObject({
      status: 422,
      problem: { code: 'invalid_request', detail: expect.stringContaining('the token 29') as string },
    });
    expect(await storedJobs()).toBe(0);
    expect((await submit({ prompt: 'a more' })).status).toBe(202);
  });

  it('says that a very long prompt has more tokens than were counted', async () => {
    await serve(characterTokenizer(), undefined, 16);
    for (const parameters of [{}, { max_new_tokens: 5 }, { max_length: 200 }]) {
      const { status, problem } = await submit({ prompt: 'a'.repeat(500), ...parameters });
      expect([status, problem.code, problem.prompt_tokens]).toEqual([422, 'context_length_exceeded', 32]);
      expect(problem.detail).toMatch(/^The prompt has more than 32 tokens and at least \d+ in all are needed, but/);
    }
  });

  it('refuses a long prompt only when the context has no room, unless a limit was asked for', async () => {
    await serve(characterTokenizer());
    expect((await submit({ prompt: 'a'.repeat(255) })).status).toBe(202);
    expect(await submit({ prompt: 'a'.repeat(256) })).toMatchObject({
      status: 422,
      problem: { code: 'context_length_exceeded', prompt_tokens: 256, limit: 256 },
    });
    expect(await submit({ prompt: 'a'.repeat(208), max_length: 200 })).toMatchObject({
      status: 422,
      problem: { code: 'context_length_exceeded', prompt_tokens: 208, limit: 200 },
    });
  });
});
