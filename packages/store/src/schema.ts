/** Rows of the databases. They do not leave this package. */
import type { Generated, GeneratedAlways, Selectable } from 'kysely';
import type {
  DeliveryError,
  DeliveryState,
  EventActor,
  ExportFormat,
  JobEventType,
  JobStatus,
  TallyName,
  WebhookEvent,
  WorkerState,
} from '@prosemill/core';

/** A point in time: a Date from Postgres, integer milliseconds from SQLite. `readTime` makes both a Date. */
export type StoredTime = Date | number;

export interface JobTable {
  id: string;
  owner_id: string;
  status: JobStatus;
  version: number;
  class: number;
  turn: number;
  prompt: string;
  /** `SamplingParameters` as JSON. */
  parameters: string;
  seed: number;
  model_name: string | null;
  model_revision: string | null;
  model_engine: string | null;
  model_dtype: string | null;
  model_fingerprint: string | null;
  attempt: number;
  released_count: number;
  crash_count: number;
  max_attempts: number;
  dispatch_epoch: number;
  available_at: StoredTime;
  deadline_at: StoredTime | null;
  lease_until: StoredTime | null;
  worker_id: string | null;
  /** 1 while the attempt waits for an engine of its own; else null. */
  is_waiting: number | null;
  cancel_requested_at: StoredTime | null;
  finish_reason: string | null;
  /** A completion without a generation record: the part of a canceled or failed job, or that of a verification. */
  partial_completion: string | null;
  error_code: string | null;
  error_message: string | null;
  prompt_tokens: number | null;
  completion_tokens: number | null;
  time_to_first_token_ms: number | null;
  generation_ms: number | null;
  created_at: StoredTime;
  started_at: StoredTime | null;
  finished_at: StoredTime | null;
  traceparent: string | null;
  /** `Metadata` as JSON; null for none. */
  metadata: string | null;
  /** The first claim must come before this. */
  start_deadline_at: StoredTime | null;
  /** The time since which a client streams the text. */
  watched_at: StoredTime | null;
  retry_of: string | null;
  verify_of: string | null;
  /** Only workers with this model fingerprint claim the row; null: all. */
  required_fingerprint: string | null;
  /** 1 when the client sent the seed. Null in rows of versions that did not store it. */
  has_own_seed: number | null;
  token_budget: number | null;
  batch_id: string | null;
  custom_id: string | null;
  /** `Webhook` as JSON; null for none. */
  webhook: string | null;
  /** 0: to be purged soon after the end. Null, as in rows of older versions: 1. */
  is_stored: number | null;
  /** The row is a tombstone: prompt and parameters are empty, and there is no text. */
  purged_at: StoredTime | null;
}

export interface WebhookDeliveryTable {
  id: string;
  job_id: string;
  owner_id: string;
  event: WebhookEvent;
  /** Empty when the job was purged, unless the message is still on its way. */
  url: string;
  /** The host of the URL, with its port. */
  host: string;
  state: DeliveryState;
  /** Claims so far: the fencing token of the current one. */
  attempts: number;
  /** Attempts that have failed since the schedule began. */
  failures: number;
  created_at: StoredTime;
  /** The next claim may come from then on; null when none follows. */
  next_attempt_at: StoredTime | null;
  delivered_at: StoredTime | null;
}

export interface WebhookAttemptTable {
  delivery_id: string;
  attempt: number;
  at: StoredTime;
  duration_ms: number;
  error: DeliveryError | null;
  status_code: number | null;
  location: string | null;
}

export interface WebhookSecretTable {
  owner_id: string;
  secret: string;
  /** Since then `secret` signs, and the time of `previous` runs out. */
  created_at: StoredTime;
  previous: string | null;
}

export interface BatchTable {
  id: string;
  owner_id: string;
  created_at: StoredTime;
}

/** The text of watched jobs while they run. Each row continues the row before it of the same attempt. */
export interface JobTextTable {
  job_id: string;
  attempt: number;
  /** Code points of the completion before this row. */
  offset: number;
  text: string;
  /** New tokens so far, those of this row included. */
  tokens: number;
}

export interface GenerationRecordTable {
  id: Generated<number>;
  job_id: string;
  owner_id: string;
  prompt: string;
  /** The text after the prompt. */
  completion: string;
  model_name: string;
  created_at: StoredTime;
}

/** The links to exports that are neither used nor, for long, expired. */
export interface ExportLinkTable {
  /** SHA-256 of the token, in hex. */
  hash: string;
  owner_id: string;
  key_id: string | null;
  format: ExportFormat;
  /** `ExportFilter` as JSON. */
  filter: string;
  expires_at: StoredTime;
}

export interface JobEventTable {
  job_id: string;
  /** The job's version after the event. */
  seq: number;
  type: JobEventType;
  at: StoredTime;
  /** Small facts as JSON, no text. The database computes the columns below from it. */
  data: string;
  /** The attempt that the event belongs to; 0 before the first claim. */
  attempt: GeneratedAlways<number>;
  actor: GeneratedAlways<EventActor>;
}

/** Jobs that are to be indexed for the search. Triggers fill it. */
export interface SearchQueueTable {
  id: Generated<number>;
  job_id: string;
}

/** The index of jobs by their words, owners and metadata. Purged jobs have no terms. */
export interface JobSearchTable {
  id: Generated<number>;
  job_id: string;
  /** The version of the job as it was indexed. */
  version: number;
  /** A tsvector on Postgres. */
  terms: string;
}

export interface IdempotencyKeyTable {
  owner_id: string;
  key: string;
  request_hash: string;
  job_id: string;
  created_at: StoredTime;
}

export interface ModelTable {
  name: string;
  revision: string;
  context_length: number;
  tokenizer: string;
}

export interface WorkerTable {
  id: string;
  heartbeat_at: StoredTime;
  state: WorkerState;
  load_progress: number | null;
  note: string | null;
  /** `ModelIdentity` as JSON. */
  model: string | null;
  slots: number;
  busy: number;
  /** The measured speed as JSON; null until it is known. */
  speed: string | null;
  /** When somebody last looked at the workers. */
  looked_at: StoredTime | null;
  /** `WorkerActivity` as JSON; null while nobody looks. */
  activity: string | null;
}

export interface ApiKeyTable {
  id: string;
  owner_id: string;
  name: string;
  /** SHA-256 of the secret, in hex. */
  hash: string;
  prefix: string;
  /** `Scope[]` as JSON. */
  scopes: string;
  created_at: StoredTime;
  expires_at: StoredTime | null;
  revoked_at: StoredTime | null;
  last_used_at: StoredTime | null;
}

/** At most one row, which is there while the queue is paused. */
export interface QueuePauseTable {
  id: number;
  paused_at: StoredTime;
  /** `Pauser` as JSON. Null in rows of versions that did not store it. */
  paused_by: string | null;
}

/** Counts of the last hour, in a ring of periods: a new period takes the row of the one an hour before it. */
export interface TallyTable {
  name: TallyName;
  bucket: number;
  slot: number;
  /** The number of the period since 1970. */
  period: number;
  count: number;
}

export interface Tables {
  jobs: JobTable;
  batches: BatchTable;
  webhook_deliveries: WebhookDeliveryTable;
  webhook_attempts: WebhookAttemptTable;
  webhook_secrets: WebhookSecretTable;
  generation_records: GenerationRecordTable;
  export_links: ExportLinkTable;
  job_events: JobEventTable;
  job_text: JobTextTable;
  search_queue: SearchQueueTable;
  job_search: JobSearchTable;
  idempotency_keys: IdempotencyKeyTable;
  models: ModelTable;
  workers: WorkerTable;
  api_keys: ApiKeyTable;
  queue_pause: QueuePauseTable;
  tallies: TallyTable;
}

export type JobRow = Selectable<JobTable>;
