import { describe, expect, it } from 'vitest';
import { AppError } from './errors.ts';
import { resolveMaxNewTokens } from './token-limits.ts';

const resolve = (promptTokens: number, maxLength: number | null, maxNewTokens: number | null = null) =>
  resolveMaxNewTokens({ promptTokens, contextLength: 512, parameters: { maxLength, maxNewTokens } });

describe('token limits', () => {
  it('counts prompt and new tokens together in max_length', () => {
    expect(resolve(10, 50)).toBe(40);
  });

  it('prefers max_new_tokens', () => {
    expect(resolve(10, 50, 200)).toBe(200);
  });

  it('defaults to 50 in all, or 20 after a long prompt, and is bounded by the context only', () => {
    expect([1, 3, 30, 31, 100, 190, 208, 500, 511].map((promptTokens) => resolve(promptTokens, null))).toEqual([
      49, 47, 20, 20, 20, 20, 20, 12, 1,
    ]);
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

  it('never exceeds the context of the model', () => {
    expect(
      resolveMaxNewTokens({ promptTokens: 30, contextLength: 64, parameters: { maxLength: 200, maxNewTokens: null } }),
    ).toBe(34);
  });

  it.each([
    [50, 50, null],
    [512, null, null],
    [250, 200, null],
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
