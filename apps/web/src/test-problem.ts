/** A problem for tests. */
import type { PageProblem } from './api.ts';

export const noAnswer: PageProblem = {
  code: 'no_answer',
  status: 0,
  detail: '',
  errors: [],
  request_id: null,
  retryAfterMs: 2_000,
};
