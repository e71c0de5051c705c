import type { HintSender, Store, WakeUps } from '@prosemill/core';
import type { Metrics } from '@prosemill/telemetry';
import type { EventStreams } from './http/event-streams.ts';
import type { Estimates } from './services/estimates.ts';
import type { JobChanges } from './services/job-changes.ts';
import type { JobFeed } from './services/job-feed.ts';
import type { IdentifyCaller } from './auth/identify-caller.ts';
import type { KnownKeys } from './auth/known-keys.ts';
import type { FindPage } from './page/find-page.ts';
import type { LeaveJob } from './services/leave-job.ts';
import type { Machine } from './services/machine.ts';
import type { ReadServedModel } from './services/served-model.ts';
import type { ServiceState } from './services/service-state.ts';
import type { DeliverWebhooks } from './webhooks/deliver-webhooks.ts';
import type { SubmitBatch } from './services/submit-batch.ts';
import type { SubmitJobs } from './services/submit-job.ts';
import type { WatchText } from './services/watch-text.ts';

/** The services that the handlers share. */
export interface ApiServices extends SubmitJobs {
  readonly store: Store;
  readonly hints: HintSender;
  readonly wakeUps: WakeUps;
  readonly submitBatch: SubmitBatch;
  readonly feed: JobFeed;
  readonly jobChanges: JobChanges;
  readonly estimates: Estimates;
  readonly leaveJob: LeaveJob;
  readonly watchText: WatchText;
  readonly streams: EventStreams;
  readonly webhooks: DeliverWebhooks;
  readonly machine: Machine;
  readonly knownKeys: KnownKeys;
  readonly identify: IdentifyCaller;
  readonly state: ServiceState;
  readonly servedModel: ReadServedModel;
  readonly metrics: Metrics;
  readonly findPage: FindPage;
  readonly version: string;
  readonly isStopping: () => boolean;
}
