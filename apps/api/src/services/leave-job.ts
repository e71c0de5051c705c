/** Cancels the job of a client that left while it waited, where the client asked for that: `on_disconnect: cancel`. */
import { errorLine, isTerminal, type Job, type JobStore, type Logger, type WakeUps } from '@prosemill/core';
import { cancelJob } from './cancel-job.ts';
import type { JobFeed } from './job-feed.ts';

export interface LeaveJobOptions {
  readonly jobs: JobStore;
  readonly wakeUps: WakeUps;
  readonly feed: Pick<JobFeed, 'isWatched'>;
  readonly isStopping: () => boolean;
  readonly logger: Logger;
}

/**
 * Call it when the connection of a submit is gone and no longer watches the job. The job goes on while another client
 * of this process watches it, and when the process stops: then the clients did not leave by themselves. Never rejects:
 * if the database is away, the job goes on too.
 */
export type LeaveJob = (job: Job) => Promise<void>;

export function createLeaveJob({ jobs, wakeUps, feed, isStopping, logger }: LeaveJobOptions): LeaveJob {
  return async function leaveJob(job) {
    if (isTerminal(job.status) || isStopping() || feed.isWatched(job.id)) return;
    try {
      await cancelJob({ jobs, wakeUps }, job);
      logger.info({ jobId: job.id }, 'the client left, so its job is canceled');
    } catch (error) {
      logger.warn({ jobId: job.id, reason: errorLine(error) }, 'the client left, but its job could not be canceled');
    }
  };
}
