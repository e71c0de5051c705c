/** Problems in words: what happened, and what helps. */
import type { JobBody } from '@prosemill/contract';
import type { PageProblem } from './api.ts';
import { formatCount } from './format.ts';

export interface Explanation {
  readonly text: string;
  /** `key`: another API key helps. `report`: the request id helps whoever repairs it. */
  readonly help?: 'key' | 'report';
}

const seconds = ({ retryAfterMs }: PageProblem): string => `${Math.max(1, Math.ceil((retryAfterMs ?? 0) / 1_000))} s`;

const isBug = ({ request_id }: PageProblem): Explanation => ({
  text: `This is a bug. Please report it${request_id === null ? '.' : ` with the number ${request_id}.`}`,
  help: 'report',
});

const always = (text: string) => (): Explanation => ({ text });

/** Each code of docs/errors.md, and the two of the page. Those that only a faulty page can cause are bugs. */
const explanations: Record<PageProblem['code'], (problem: PageProblem) => Explanation> = {
  prompt_refused: always(
    'This prompt has a word that this installation does not accept. The list looks at whole words, not at meaning.',
  ),
  context_length_exceeded: ({ prompt_tokens, limit }) => ({
    text:
      prompt_tokens === undefined || limit === undefined
        ? 'The prompt leaves no room for a text.'
        : `The prompt has ${formatCount(prompt_tokens)} tokens and the model has room for ${formatCount(limit)} in all.`,
  }),
  invalid_request: ({ errors }) => ({
    text:
      errors.length === 0
        ? 'This page and the server disagree. Load the page again.'
        : errors.map(({ pointer, detail }) => `${pointer.slice(1).replaceAll('_', ' ')} ${detail}`).join('; '),
  }),
  unauthorized: () => ({ text: 'This key is not valid (any more).', help: 'key' }),
  forbidden: ({ detail }) => ({ text: `This key may not do this. ${detail}`, help: 'key' }),
  not_found: always('There is no such job or batch, or it belongs to somebody else.'),
  gone: always('This job was deleted. Its text is gone for good.'),
  job_canceled: always('Canceled. Everything that was written until then is here.'),
  job_not_finished: always('It must end first.'),
  // The service knows which of several reasons it is.
  not_verifiable: ({ detail }) => ({ text: detail }),
  rate_limited: (problem) => ({ text: `Too much at once with this key. Again in ${seconds(problem)}.` }),
  queue_full: (problem) => ({ text: `The queue is full. Nothing was stored. Again in ${seconds(problem)}.` }),
  deadline_unmeetable: ({ detail }) => ({ text: `The time is too short, and nothing was stored. ${detail}` }),
  deadline_exceeded: always('The time that you gave was over. Everything that was written until then is here.'),
  database_unavailable: always('The service does not reach its database. Texts under way are safe.'),
  shutting_down: always('The service restarts.'),
  engine_unavailable: always('The engine restarts; the job runs again by itself.'),
  generation_failed: always('The engine failed at this text again and again.'),
  worker_lost: always('Its workers were lost again and again; maybe this prompt ends them.'),
  request_timeout: always('The request took too long on its way.'),
  misdirected_request: ({ detail }) => ({ text: detail }),
  no_answer: () => ({ text: `No answer from ${location.host}.` }),
  malformed_answer: ({ status }) => ({ text: `Something between here and the service answered: ${status}.` }),

  malformed_request: isBug,
  expectation_failed: isBug,
  headers_too_large: isBug,
  body_too_large: isBug,
  unsupported_media_type: isBug,
  invalid_json: isBug,
  invalid_header: isBug,
  method_not_allowed: isBug,
  idempotency_key_reused: isBug,
  model_not_found: isBug,
  internal: isBug,
};

export const explain = (problem: PageProblem): Explanation => explanations[problem.code](problem);

/** The codes of jobs are those of problems; a newer version of a worker may have others. */
const hasText = (code: string): code is PageProblem['code'] => Object.hasOwn(explanations, code);

/** The reason why a job ended without a whole text; empty: there is none. */
export function explainEnd({ error, attempt }: Pick<JobBody, 'error' | 'attempt'>): string {
  if (error === null) return '';
  const { code, message } = error;
  if (code === 'generation_failed')
    return `The engine failed ${attempt === 1 ? 'once' : `${attempt} times`}. ${message}`;
  if (code === 'worker_lost') {
    return `Its workers were lost ${attempt === 1 ? 'once' : `${attempt} times`}; maybe this prompt ends them.`;
  }
  if (code === 'deadline_exceeded' || code === 'job_canceled') {
    return explain({ code, status: 0, detail: message, errors: [], request_id: null, retryAfterMs: null }).text;
  }
  return hasText(code) ? message : `${code}: ${message}`;
}
