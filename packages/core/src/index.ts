/** @module The domain: states, transitions, errors, prompt policy, retry and order rules, and the ports. Imports nothing. */
export * from './assert-never.ts';
export * from './backoff.ts';
export * from './errors.ts';
export * from './failpoint.ts';
export * from './job.ts';
export * from './new-id.ts';
export * from './outcome.ts';
export * from './prompt-policy.ts';
export * from './read-config.ts';
export * from './retry-until-available.ts';
export * from './run-process.ts';
export * from './token-limits.ts';
export * from './transitions.ts';
export type * from './ports/hint-queue.ts';
export * from './ports/job-store.ts';
export type * from './ports/logger.ts';
export type * from './ports/text-generator.ts';
export type * from './ports/wake-ups.ts';
