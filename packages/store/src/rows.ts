/** Rows as values of the domain. */
import {
  defaultSamplingParameters,
  type ExportedText,
  type FinishReason,
  type GenerationRecord,
  type Job,
  type Metadata,
  type ModelIdentity,
  type PriorityClass,
  type SamplingParameters,
  type TransitionState,
  type Webhook,
  unstoredMs,
} from '@prosemill/core';
import type { GenerationRecordTable, JobRow, StoredTime } from './schema.ts';
import type { StoreContext } from './store-context.ts';
import type { Selectable } from 'kysely';

/** A job's row with its generation record, if it has one. */
export interface JobWithRecord extends JobRow {
  readonly generation_id: number | null;
  readonly completion: string | null;
}

export const readTime = (time: StoredTime): Date => (time instanceof Date ? time : new Date(time));

export const readTimeOrNull = (time: StoredTime | null): Date | null => (time === null ? null : readTime(time));

export function toJob(row: JobWithRecord, { retentionMs }: Pick<StoreContext, 'retentionMs'>): Job {
  return {
    id: row.id,
    ownerId: row.owner_id,
    status: row.status,
    version: row.version,
    priorityClass: row.class as PriorityClass,
    turn: row.turn,
    prompt: row.prompt,
    parameters: readParameters(row.parameters),
    seed: row.seed,
    hasOwnSeed: row.has_own_seed === 1,
    tokenBudget: row.token_budget,
    metadata: readMetadata(row.metadata),
    isWatched: row.watched_at !== null,
    retryOf: row.retry_of,
    verifyOf: row.verify_of,
    requiredFingerprint: row.required_fingerprint,
    batchId: row.batch_id,
    customId: row.custom_id,
    webhook: readWebhook(row.webhook),
    isStored: row.is_stored !== 0,
    model: toModel(row),
    attempt: row.attempt,
    releasedCount: row.released_count,
    crashCount: row.crash_count,
    maxAttempts: row.max_attempts,
    dispatchEpoch: row.dispatch_epoch,
    output: toOutput(row),
    error: row.error_code === null ? null : { code: row.error_code, message: row.error_message ?? '' },
    usage: readUsage(row),
    timeToFirstTokenMs: row.time_to_first_token_ms,
    generationMs: row.generation_ms,
    cancelRequestedAt: readTimeOrNull(row.cancel_requested_at),
    deadlineAt: readTimeOrNull(row.deadline_at),
    startDeadlineAt: readTimeOrNull(row.start_deadline_at),
    createdAt: readTime(row.created_at),
    startedAt: readTimeOrNull(row.started_at),
    finishedAt: readTimeOrNull(row.finished_at),
    expiresAt: toExpiry(row, retentionMs),
    purgedAt: readTimeOrNull(row.purged_at),
    traceparent: row.traceparent,
  };
}

export const readWebhook = (webhook: string | null): Webhook | null =>
  webhook === null ? null : (JSON.parse(webhook) as Webhook);

export const readMetadata = (metadata: string | null): Metadata =>
  metadata === null ? {} : (JSON.parse(metadata) as Metadata);

const readUsage = ({
  prompt_tokens: promptTokens,
  completion_tokens: completionTokens,
}: Pick<JobRow, 'prompt_tokens' | 'completion_tokens'>): Job['usage'] =>
  promptTokens === null || completionTokens === null ? null : { promptTokens, completionTokens };

function toExpiry(row: JobRow, retentionMs: number | null): Date | null {
  const keptMs = row.is_stored === 0 ? unstoredMs : retentionMs;
  if (row.finished_at === null || keptMs === null) return null;
  return new Date(readTime(row.finished_at).getTime() + keptMs);
}

/** Parameters that an older version did not store get their defaults; those of a newer version are kept. */
const readParameters = (parameters: string): SamplingParameters => ({
  ...defaultSamplingParameters,
  ...(JSON.parse(parameters) as Partial<SamplingParameters>),
});

function toModel(row: JobRow): ModelIdentity | null {
  const { model_name: name, model_revision: revision, model_engine: engine, model_dtype: dtype } = row;
  if (name === null) return null;
  return {
    name,
    revision: revision ?? '',
    engine: engine ?? '',
    dtype: dtype ?? '',
    fingerprint: row.model_fingerprint ?? '',
  };
}

function toOutput(row: JobWithRecord): Job['output'] {
  const completion = row.completion ?? row.partial_completion;
  if (completion === null || row.finish_reason === null) return null;
  return { completion, finishReason: row.finish_reason as FinishReason, generationId: row.generation_id };
}

/** The columns that transitions depend on. */
export const transitionColumns = [
  'status',
  'attempt',
  'released_count',
  'crash_count',
  'max_attempts',
  'dispatch_epoch',
  'cancel_requested_at',
  'is_waiting',
] as const;

export const toTransitionState = (row: Pick<JobRow, (typeof transitionColumns)[number]>): TransitionState => ({
  status: row.status,
  attempt: row.attempt,
  releasedCount: row.released_count,
  crashCount: row.crash_count,
  maxAttempts: row.max_attempts,
  dispatchEpoch: row.dispatch_epoch,
  cancelRequested: row.cancel_requested_at !== null,
  isWaiting: row.is_waiting === 1,
});

export const toGenerationRecord = (row: Selectable<GenerationRecordTable>): GenerationRecord => ({
  id: row.id,
  jobId: row.job_id,
  prompt: row.prompt,
  completion: row.completion,
  modelName: row.model_name,
  createdAt: readTime(row.created_at),
});

/** A record with the columns of its job that an export shows. */
type ExportRow = Selectable<GenerationRecordTable> &
  Pick<JobRow, 'seed' | 'metadata' | 'finish_reason' | 'prompt_tokens' | 'completion_tokens'>;

export const toExportedText = (row: ExportRow): ExportedText => ({
  ...toGenerationRecord(row),
  seed: row.seed,
  metadata: readMetadata(row.metadata),
  finishReason: row.finish_reason,
  usage: readUsage(row),
});

/** Postgres refuses U+0000, which a model may produce. Both databases store U+FFFD instead, so that they agree. */
export const storableText = (text: string): string => text.replaceAll('\u0000', '\uFFFD').toWellFormed();
