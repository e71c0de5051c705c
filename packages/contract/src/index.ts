/** @module The HTTP contract: every route, body and error, shared by the API, its document, clients and tests. */
export * from './cursor.ts';
export * from './generation-request.ts';
export * from './job.ts';
export * from './policy.ts';
export * from './present-generation.ts';
export * from './present-job.ts';
export * from './present-key.ts';
export * from './present-problem.ts';
export * from './problem.ts';
export * from './routes/docs.ts';
export * from './routes/generate.ts';
export * from './routes/health.ts';
export * from './routes/history.ts';
export * from './routes/jobs.ts';
export * from './routes/keys.ts';
export * from './routes/queue.ts';
export { toJobTerms, toTextRequest } from './text-request.ts';
export * from './wrong-values.ts';
