import type { Store, WakeUps } from '@prosemill/core';
import type { JobWaiter } from './services/job-waiter.ts';
import type { ServiceState } from './services/service-state.ts';
import type { SubmitJob } from './services/submit-job.ts';

/** What the handlers share. */
export interface ApiServices {
  readonly store: Store;
  readonly wakeUps: WakeUps;
  readonly submitJob: SubmitJob;
  readonly waiter: JobWaiter;
  readonly state: ServiceState;
  readonly version: string;
  readonly isStopping: () => boolean;
}
