/**
 * @module The domain: states, transitions, errors, prompt policy, retry and order rules, and the ports; then what every
 * process of the service needs to run.
 */
export * from './api-key.ts';
export * from './assert-never.ts';
export * from './backoff.ts';
export * from './errors.ts';
export * from './heartbeat.ts';
export * from './idempotency.ts';
export * from './job.ts';
export * from './new-id.ts';
export * from './outcome.ts';
export * from './prompt-policy.ts';
export * from './text-request.ts';
export * from './token-bucket.ts';
export * from './token-limits.ts';
export * from './trace-context.ts';
export * from './transitions.ts';
export type * from './ports/api-key-store.ts';
export type * from './ports/generation-store.ts';
export type * from './ports/hint-queue.ts';
export type * from './ports/job-store.ts';
export type * from './ports/logger.ts';
export type * from './ports/model-store.ts';
export type * from './ports/page.ts';
export type * from './ports/rate-limiter.ts';
export type * from './ports/store.ts';
export * from './ports/text-generator.ts';
export type * from './ports/wake-ups.ts';
export * from './ports/worker-store.ts';

export * from './runtime/answer-within.ts';
export * from './runtime/coalesced.ts';
export * from './runtime/command-line.ts';
export * from './runtime/every.ts';
export * from './runtime/failpoint.ts';
export * from './runtime/listen-address.ts';
export * from './runtime/plain-number.ts';
export * from './runtime/read-config.ts';
export * from './runtime/retry-until-available.ts';
export * from './runtime/run-process.ts';
export * from './runtime/service.ts';
export * from './runtime/standard-streams.ts';
