/** A job as the service shows it. */
import type { JobBody } from '@prosemill/contract';

export const testJob = (changes: Partial<JobBody> = {}): JobBody => ({
  id: '01a20b62-a4a8-7b7f-b207-5eab5d2c5e4a',
  object: 'job',
  status: 'running',
  prompt: 'Once upon a time',
  parameters: {
    max_length: null,
    max_new_tokens: 48,
    temperature: 1,
    top_k: 50,
    top_p: 1,
    repetition_penalty: 1,
    stop: [],
  },
  model: null,
  output: null,
  error: null,
  usage: null,
  tokens_written: null,
  timings: {
    queue_ms: null,
    time_to_first_token_ms: null,
    generation_ms: null,
    total_ms: null,
    tokens_per_second: null,
  },
  queue: null,
  seed: 7,
  attempt: 1,
  max_attempts: 5,
  cancel_requested_at: null,
  retry_of: null,
  verify_of: null,
  batch_id: null,
  custom_id: null,
  metadata: {},
  webhook_url: null,
  webhook_events: null,
  urls: { self: '', cancel: '', retry: '', verify: '', stream: '', events: '', deliveries: '' },
  created_at: '2026-11-29T12:00:00.000Z',
  started_at: '2026-11-29T12:00:00.000Z',
  finished_at: null,
  expires_at: null,
  ...changes,
});

/** The same job at its end, with its whole text. */
export const endedJob = (completion: string, changes: Partial<JobBody> = {}): JobBody => {
  const job = testJob({ status: 'succeeded', finished_at: '2026-11-29T12:00:01.000Z', ...changes });
  return {
    ...job,
    model: { name: 'tiny-tales', revision: '', engine: 'batched', dtype: 'fp32', fingerprint: 'f1' },
    usage: { prompt_tokens: 4, completion_tokens: 2, total_tokens: 6 },
    output: {
      generated_text: job.prompt + completion,
      completion,
      finish_reason: 'length',
      generation_id: 1,
      sha256: `hash of ${completion}`,
    },
  };
};
