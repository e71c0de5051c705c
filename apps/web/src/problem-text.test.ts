import { readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import type { PageProblem } from './api.ts';
import { explain, explainEnd } from './problem-text.ts';

const problem = (code: string, more: Partial<PageProblem> = {}): PageProblem => ({
  code: code as PageProblem['code'],
  status: 500,
  detail: 'detail',
  errors: [],
  request_id: 'r1',
  retryAfterMs: null,
  ...more,
});

describe('a problem in words', () => {
  vi.stubGlobal('location', { host: 'host' });
  const documented = [
    ...readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8').matchAll(/^### `(\w+)`/gm),
  ];

  it.each(documented.map(([, code]) => code ?? ''))('%s', (code) => {
    expect(explain(problem(code)).text).toMatch(/^\w.+/);
  });

  it('names the field that is wrong', () => {
    const errors = [{ pointer: '/max_new_tokens', detail: 'must be 1 or more', code: 'too_small' }];
    expect(explain(problem('invalid_request', { errors })).text).toBe('max new tokens must be 1 or more');
  });

  it('says when it may go on', () => {
    expect(explain(problem('queue_full', { retryAfterMs: 4_100 })).text).toContain('Again in 5 s');
  });
});

it('a job that ended without its text says why', () => {
  expect(explainEnd({ error: null, attempt: 1 })).toBe('');
  expect(explainEnd({ error: { code: 'worker_lost', message: '' }, attempt: 3 })).toContain('3 times');
  expect(explainEnd({ error: { code: 'deadline_exceeded', message: '' }, attempt: 1 })).toContain('time');
  expect(explainEnd({ error: { code: 'context_length_exceeded', message: 'too long' }, attempt: 1 })).toBe('too long');
  expect(explainEnd({ error: { code: 'new_code', message: 'm' }, attempt: 1 })).toBe('new_code: m');
});
