/** A batch: jobs that one request submits, all of them or none. */
import type { Job } from './job.ts';

/** A job of a batch, without its content. */
export interface BatchJob extends Pick<Job, 'id' | 'status' | 'version' | 'finishedAt'> {
  /** The client's name for the job; unique in its batch. */
  readonly customId: string;
}

/** The jobs never change; a batch has ended when each of them has. */
export interface Batch {
  readonly id: string;
  readonly ownerId: string;
  readonly createdAt: Date;
  /** In the order of their `customId`, by UTF-16 units. */
  readonly jobs: readonly BatchJob[];
}
