/** Reads of jobs for their owners. */
import type { JobStore } from '@prosemill/core';
import { readPage } from '../read-page.ts';
import { readTime, toJob } from '../rows.ts';
import type { StoredTime } from '../schema.ts';
import type { StoreContext } from '../store-context.ts';
import { selectJobs } from './select-jobs.ts';

/** Ids in one IN list. */
const idsPerQuery = 1_000;

type ReadMethods = Pick<JobStore, 'find' | 'list' | 'listEvents' | 'listEnded' | 'versions'>;

export const createReadMethods = ({ db, dialect }: StoreContext): ReadMethods => ({
  async find(ownerId, id) {
    const select = selectJobs(db).where('jobs.id', '=', id).where('jobs.owner_id', '=', ownerId);
    const row = await select.executeTakeFirst();
    return row === undefined ? null : toJob(row);
  },

  async list({ ownerId, status, createdAfter, createdBefore, after, limit }) {
    let select = selectJobs(db).where('jobs.owner_id', '=', ownerId).where('jobs.verify_of', 'is', null);
    if (status !== null) select = select.where('jobs.status', '=', status);
    if (createdAfter !== null) select = select.where('jobs.created_at', '>=', dialect.writeTime(createdAfter));
    if (createdBefore !== null) select = select.where('jobs.created_at', '<', dialect.writeTime(createdBefore));
    return await readPage(select, { dialect, table: 'jobs', after, limit, toItem: toJob });
  },

  async listEvents(ownerId, id) {
    const rows = await db
      .selectFrom('job_events')
      .innerJoin('jobs', 'jobs.id', 'job_events.job_id')
      .where('jobs.id', '=', id)
      .where('jobs.owner_id', '=', ownerId)
      .select(['job_events.seq', 'job_events.type', 'job_events.at', 'job_events.attempt', 'job_events.actor'])
      .orderBy('job_events.seq')
      .execute();
    // The first transition is written with the job.
    return rows.length === 0
      ? null
      : rows.map(({ seq, type, at, attempt, actor }) => ({ seq, type, at: readTime(at), attempt, actor }));
  },

  async listEnded(ids) {
    if (ids.length === 0) return [];
    const rows = await db
      .selectFrom('jobs')
      .select(['id', 'status', 'created_at', 'finished_at'])
      .where('id', 'in', ids)
      .where('finished_at', 'is not', null)
      .$narrowType<{ finished_at: StoredTime }>()
      .execute();
    return rows.map(({ id, status, created_at: createdAt, finished_at: finishedAt }) => {
      return { id, status, createdAt: readTime(createdAt), finishedAt: readTime(finishedAt) };
    });
  },

  async versions(ids) {
    const versions = new Map<string, number>();
    for (let start = 0; start < ids.length; start += idsPerQuery) {
      const rows = await db
        .selectFrom('jobs')
        .select(['id', 'version'])
        .where('id', 'in', ids.slice(start, start + idsPerQuery))
        .execute();
      for (const { id, version } of rows) versions.set(id, version);
    }
    return versions;
  },
});
