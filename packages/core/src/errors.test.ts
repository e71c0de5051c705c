import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { AppError, errorLine, errorTable, toAppError } from './errors.ts';

const documented = () =>
  [...readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8').matchAll(/^### `(\w+)`/gm)].map(
    ([, code]) => code,
  );

describe('errors', () => {
  it('documents every code, and every documented code exists', () => {
    expect(new Set(documented())).toEqual(new Set(Object.keys(errorTable)));
  });

  it('says why in one line, with the causes behind it', () => {
    const error = new AppError('database_unavailable', {
      message: 'no connection',
      cause: new AggregateError([new Error('connect ECONNREFUSED 127.0.0.1:5432')]),
    });
    expect(errorLine(error)).toBe('no connection: connect ECONNREFUSED 127.0.0.1:5432');
    expect(errorLine(new Error('two\n  lines'))).toBe('two lines');
  });

  it('keeps an AppError and wraps anything else', () => {
    const error = new AppError('not_found');
    expect(toAppError(error)).toBe(error);
    expect(toAppError('a string', 'generation_failed')).toMatchObject({ code: 'generation_failed', cause: 'a string' });
  });
});
