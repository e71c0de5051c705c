import { expect, it } from 'vitest';
import { testJob } from '../test-job.ts';
import { factsOf } from './job-facts.ts';

const now = Date.parse('2026-11-29T12:00:00.000Z');
const usage = { prompt_tokens: 4, completion_tokens: 48, total_tokens: 52 };
const timings = {
  queue_ms: 19,
  time_to_first_token_ms: 12.3,
  generation_ms: 233.4,
  total_ms: 259,
  tokens_per_second: 206.1,
};

it('says how long a queued job waits', () => {
  const queue = { position: 0, estimated_start_at: '2026-11-29T12:00:04.000Z', estimated_finish_at: null };

  expect(factsOf(testJob({ status: 'queued', queue }), now)).toBe('next · in about 4 s');
  expect(factsOf(testJob({ status: 'queued', queue: null }), now)).toBe('');
});

it('shows the progress of a running job', () => {
  expect(factsOf(testJob({ status: 'running', tokens_written: 31 }), now)).toBe('31 of 48 tokens');
  expect(factsOf(testJob({ status: 'running', tokens_written: null }), now)).toBe('');
});

it('has the tokens, the time and the speed of a text', () => {
  expect(factsOf(testJob({ status: 'succeeded', usage, timings, finished_at: '2026-11-29T12:00:01.000Z' }), now)).toBe(
    '48 tokens · 259 ms · 206/s',
  );
});

it('names the reason of a failure', () => {
  const error = { code: 'context_length_exceeded', message: 'The prompt has 904 tokens.' };

  expect(factsOf(testJob({ status: 'failed', error, timings: { ...timings, total_ms: 47 } }), now)).toBe(
    'context length exceeded · 47 ms',
  );
});
