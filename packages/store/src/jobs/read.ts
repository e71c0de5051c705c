/** Reads of jobs for their owners. */
import type { JobStore } from '@prosemill/core';
import { sql } from 'kysely';
import { readPage } from '../read-page.ts';
import { toJob } from '../rows.ts';
import type { StoreContext } from '../store-context.ts';
import { selectJobs } from './select-jobs.ts';

/** Ids in one IN list. */
const idsPerQuery = 1_000;

type ReadMethods = Pick<JobStore, 'find' | 'list' | 'countAhead' | 'listAhead' | 'versions'>;

export const createReadMethods = ({ db, dialect }: StoreContext): ReadMethods => ({
  async find(ownerId, id) {
    const select = selectJobs(db).where('jobs.id', '=', id).where('jobs.owner_id', '=', ownerId);
    const row = await select.executeTakeFirst();
    return row === undefined ? null : toJob(row);
  },

  async list({ ownerId, status, createdAfter, createdBefore, after, limit }) {
    let select = selectJobs(db).where('jobs.owner_id', '=', ownerId);
    if (status !== null) select = select.where('jobs.status', '=', status);
    if (createdAfter !== null) select = select.where('jobs.created_at', '>=', dialect.writeTime(createdAfter));
    if (createdBefore !== null) select = select.where('jobs.created_at', '<', dialect.writeTime(createdBefore));
    return await readPage(select, { dialect, table: 'jobs', after, limit, toItem: toJob });
  },

  async countAhead(id, limit) {
    const row = await db
      .selectFrom('jobs')
      .select(['class', 'turn', 'id'])
      .where('id', '=', id)
      .where('status', '=', 'queued')
      .executeTakeFirst();
    if (row === undefined) return null;
    const { rows } = await sql<{ ahead: number }>`
      select count(*) as ahead from (
        select 1 from jobs
        where status = 'queued' and (class, turn, id) < (${row.class}, ${row.turn}, ${row.id})
        limit ${limit}
      ) as before_it`.execute(db);
    return rows[0]?.ahead ?? 0;
  },

  // One walk for a whole page: one count for each of its jobs would read the head of a long queue a hundred times.
  async listAhead(ids, limit) {
    if (ids.length === 0) return new Map();
    const { rows } = await sql<{ id: string; ahead: number }>`
      select id, ahead from (
        select id, row_number() over (order by class, turn, id) - 1 as ahead from jobs
        where status = 'queued' order by class, turn, id limit ${limit}
      ) as first_ones where id in (${sql.join(ids)})`.execute(db);
    return new Map(rows.map(({ id, ahead }) => [id, ahead]));
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
