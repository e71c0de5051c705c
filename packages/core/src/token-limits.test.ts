import { describe, expect, it } from 'vitest';
import { AppError } from './errors.ts';
import { resolveMaxNewTokens } from './token-limits.ts';

const resolve = (promptTokens: number, maxLength: number | null, maxNewTokens: number | null = null) =>
  resolveMaxNewTokens({ promptTokens, contextLength: 512, parameters: { maxLength, maxNewTokens } });

describe('token limits', () => {
  it('counts prompt and new tokens together in max_length', () => {
    expect(resolve(10, 50)).toBe(40);
  });

  it('lets max_new_tokens win', () => {
    expect(resolve(10, 50, 200)).toBe(200);
  });

  it('defaults to at least 50 in all, 20 after a long prompt, 200 at the most', () => {
    expect([3, 100, 190].map((promptTokens) => resolve(promptTokens, null))).toEqual([47, 20, 10]);
  });

  it('refuses a prompt without a token', () => {
    for (const [length, newTokens] of [
      [null, null],
      [50, null],
      [null, 5],
    ] as const) {
      expect(() => resolve(0, length, newTokens)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
    }
  });

  it('never passes the context of the model', () => {
    expect(
      resolveMaxNewTokens({ promptTokens: 30, contextLength: 64, parameters: { maxLength: 200, maxNewTokens: null } }),
    ).toBe(34);
  });

  it.each([
    [50, 50, null],
    [250, null, null],
    [500, null, 13],
    [512, null, 1],
  ])('refuses a prompt of %i tokens without room (max_length %s, max_new_tokens %s)', (prompt, length, newTokens) => {
    expect(() => resolve(prompt, length, newTokens)).toThrow(
      expect.objectContaining({
        code: 'context_length_exceeded',
        details: expect.objectContaining({ prompt_tokens: prompt }),
      }),
    );
    expect(() => resolve(prompt, length, newTokens)).toThrow(AppError);
  });

  it('uses the whole context with max_new_tokens', () => {
    expect(resolve(500, null, 12)).toBe(12);
  });
});
