/**
 * @module The bodies of the contract as types, for clients and pages. There is nothing here at run time, so an import
 * brings neither zod nor hono.
 */
export type { BatchBody, BatchRequestBody } from './batch.ts';
export type { GenerationRequestBody } from './generation-request.ts';
export type { JobEventLog } from './job-events.ts';
export type { DryRunBody, JobBody } from './job.ts';
export type { Problem } from './problem.ts';
export type { RetryRequestBody } from './retry-request.ts';
export type { GenerationBody } from './routes/generate.ts';
export type { Health } from './routes/health.ts';
export type { ExportedTextBody, ExportLinkBody, GenerationRecordBody } from './routes/history.ts';
export type { KeyBody, KeyRequestBody, NewKeyBody } from './routes/keys.ts';
export type { MachineBody } from './routes/machine.ts';
export type { MeBody } from './routes/me.ts';
export type { QueueBody } from './routes/queue.ts';
export type { Verification } from './routes/repeats.ts';
export type { ServiceIndex } from './routes/service-index.ts';
export type { DeliveryBody, DeliverySummaryBody } from './webhook.ts';
