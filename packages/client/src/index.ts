/** @module The TypeScript client of Prosemill, for Node, browsers and edge runtimes: all with `fetch` and streams. */
export {
  type CallOptions,
  type ClientOptions,
  createClient,
  type HistoryFilters,
  type JobFilters,
  ProsemillClient,
  type SubmitOptions,
} from './client.ts';
export { type ErrorCode, ProsemillError } from './errors.ts';
export type { RetryHint } from './retry-hint.ts';
export type { BatchOptions, BatchResult } from './run-batch.ts';
export type { StreamEvent } from './stream-text.ts';
export type * from './types.ts';
