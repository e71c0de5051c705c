/** @module The TypeScript client of Prosemill, for Node, browsers and edge runtimes: all with `fetch` and streams. */
export { type CallOptions, type ClientOptions, createClient, ProsemillClient, type SubmitOptions } from './client.ts';
export { type ErrorCode, ProsemillError } from './errors.ts';
export type { ExportFilters, HistoryFilters, JobFilters, LiveFilters, TextFilters } from './filters.ts';
export { newIdempotencyKey } from './idempotency-key.ts';
export type { List, Page, PageOptions } from './list.ts';
export type { LiveEvent } from './read-events.ts';
export type { RetryHint } from './retry-hint.ts';
export type { BatchOptions, BatchResult } from './run-batch.ts';
export type { StreamEvent } from './stream-text.ts';
export type { Answer, Query, RequestOptions } from './transport.ts';
export type * from './types.ts';
