/** The port of jobs, from its groups of methods. */
import type { JobStore } from '@prosemill/core';
import type { JobStoreContext } from '../store-context.ts';
import { createCancelMethods } from './cancel.ts';
import { createClaimMethods } from './claim.ts';
import { createCompleteMethods } from './complete.ts';
import { createIdempotencyMethods } from './idempotency.ts';
import { createPlaceMethods } from './places.ts';
import { createPurgeMethods } from './purge.ts';
import { createQueueMethods } from './queue.ts';
import { createReadMethods } from './read.ts';
import { createReconcileMethods } from './reconcile.ts';
import { createSubmitMethods } from './submit.ts';

export const createJobStore = (context: JobStoreContext): JobStore => ({
  ...createSubmitMethods(context),
  ...createIdempotencyMethods(context),
  ...createReadMethods(context),
  ...createPlaceMethods(context),
  ...createCancelMethods(context),
  ...createClaimMethods(context),
  ...createCompleteMethods(context),
  ...createReconcileMethods(context),
  ...createPurgeMethods(context),
  ...createQueueMethods(context),
});
