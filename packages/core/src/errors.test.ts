import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { AppError, errorLine, errorStack, errorTable, toAppError } from './errors.ts';

const documented = () =>
  [...readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8').matchAll(/^### `(\w+)`/gm)].map(
    ([, code]) => code,
  );

describe('errors', () => {
  it('have codes that are all documented, and no others are', () => {
    expect(new Set(documented())).toEqual(new Set(Object.keys(errorTable)));
  });

  it('are shown in one line, with their causes', () => {
    const error = new AppError('database_unavailable', {
      message: 'no connection',
      cause: new AggregateError([new Error('connect ECONNREFUSED 127.0.0.1:5432')]),
    });
    expect(errorLine(error)).toBe('no connection: connect ECONNREFUSED 127.0.0.1:5432');
    expect(errorLine(new Error('two\n  lines'))).toBe('two lines');
  });

  it('have a stack with their causes, without the other properties', () => {
    const cause = Object.assign(new Error('new row violates a constraint'), { detail: 'Failing row: a prompt' });
    const lines = errorStack(new AppError('internal', { cause })).split('\n');
    expect(lines[0]).toBe('AppError: internal');
    expect(lines).toContain('caused by Error: new row violates a constraint');
    expect(lines.some((line) => line.includes('errors.test.ts'))).toBe(true);
    expect(lines.join()).not.toContain('a prompt');
  });

  it('are wrapped, unless they are AppErrors already', () => {
    const error = new AppError('not_found');
    expect(toAppError(error)).toBe(error);
    expect(toAppError('a string', 'generation_failed')).toMatchObject({ code: 'generation_failed', cause: 'a string' });
  });
});
