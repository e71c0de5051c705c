/** The database as a whole: the only authority over jobs. Implemented by packages/store on SQLite and Postgres. */
import type { ApiKeyStore } from './api-key-store.ts';
import type { BatchStore } from './batch-store.ts';
import type { ExportLinkStore } from './export-link-store.ts';
import type { GenerationStore } from './generation-store.ts';
import type { JobStore } from './job-store.ts';
import type { MeasureStore } from './measure-store.ts';
import type { ModelStore } from './model-store.ts';
import type { TextStore } from './text-store.ts';
import type { WebhookStore } from './webhook-store.ts';
import type { WorkerStore } from './worker-store.ts';

/** Connections of a pool to a server. */
export interface ConnectionCounts {
  readonly inUse: number;
  readonly idle: number;
  /** Calls that wait for a connection. */
  readonly waiting: number;
}

/** All stored data. Methods throw `AppError` `database_unavailable` when the database cannot be reached. */
export interface Store {
  readonly jobs: JobStore;
  readonly batches: BatchStore;
  readonly generations: GenerationStore;
  readonly exportLinks: ExportLinkStore;
  readonly texts: TextStore;
  readonly models: ModelStore;
  readonly workers: WorkerStore;
  readonly webhooks: WebhookStore;
  readonly measures: MeasureStore;
  readonly apiKeys: ApiKeyStore;
  /** Brings the schema up to date. Several processes may call it at once. */
  migrate(): Promise<void>;
  /** @throws {AppError} `database_unavailable` unless the database answers and has every migration of this code */
  requireReady(): Promise<void>;
  /** The counts of this moment; null when the database is a file. */
  connections(): ConnectionCounts | null;
  /** A public reason why some calls failed in the last seconds, such as writes to a full disk; null without one. */
  problem(): string | null;
  stop(): Promise<void>;
}
