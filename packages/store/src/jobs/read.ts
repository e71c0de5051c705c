/** Reads of jobs for their owners. */
import type { Job, JobQuery, JobStore, JobVersion, Page } from '@prosemill/core';
import { sql } from 'kysely';
import type { Dialect } from '../dialect.ts';
import { readPage, selectPage } from '../read-page.ts';
import { type JobWithRecord, readTime, toJob } from '../rows.ts';
import type { StoredTime } from '../schema.ts';
import { findJobs, type Found } from '../search/find-jobs.ts';
import { isRecent } from '../search/is-recent.ts';
import type { StoreContext } from '../store-context.ts';
import { selectJobs } from './select-jobs.ts';

/** Ids in one IN list. */
const idsPerQuery = 1_000;

/** The conditions of a list, but for the owner, the search and the statuses. */
function listedBy({ retryOf, batchId, createdAfter, createdBefore }: JobQuery, dialect: Dialect) {
  const conditions = [
    sql<boolean>`jobs.verify_of is null and jobs.purged_at is null`,
    ...(retryOf === undefined ? [] : [sql<boolean>`jobs.retry_of = ${retryOf}`]),
    ...(batchId === undefined ? [] : [sql<boolean>`jobs.batch_id = ${batchId}`]),
    ...(createdAfter === undefined ? [] : [sql<boolean>`jobs.created_at >= ${dialect.writeTime(createdAfter)}`]),
    ...(createdBefore === undefined ? [] : [sql<boolean>`jobs.created_at < ${dialect.writeTime(createdBefore)}`]),
  ];
  return sql<boolean>`${sql.join(conditions, sql` and `)}`;
}

const jobColumns = { id: sql`jobs.id`, ownerId: sql`jobs.owner_id` };

/** Jobs at the start of the list that a search looks at, before it collects all matches. */
const recentJobs = 5_000;

type ReadMethods = Pick<JobStore, 'find' | 'list' | 'listEvents' | 'listRecent' | 'listEnded' | 'versions'>;

export function createReadMethods(context: StoreContext): ReadMethods {
  const { db, dialect, retentionMs } = context;
  const toItem = (row: JobWithRecord): Job => toJob(row, { retentionMs });

  async function listFound(query: JobQuery, { inOrder, byTerms, areFew }: Found): Promise<Page<Job>> {
    const { statuses, after, limit } = query;
    const options = { dialect, table: 'jobs', after, limit, toItem } as const;
    let select = selectJobs(db).where(listedBy(query, dialect));
    // The appended text keeps the indexes of statuses out, by which SQLite would read all ended jobs.
    if (statuses !== undefined) select = select.where(sql<string>`jobs.status || ''`, 'in', statuses);
    if (!areFew) {
      const start = isRecent({
        dialect,
        createdAt: sql`jobs.created_at`,
        rows: sql`jobs where owner_id = ${query.ownerId} and purged_at is null`,
        end: after?.createdAt ?? query.createdBefore,
        count: recentJobs,
      });
      const page = await readPage(select.where(inOrder).where(start), options);
      if (page.hasMore) return page;
    }
    return await readPage(select.where(byTerms), options);
  }

  return {
    async find(ownerId, id) {
      // Not `=`: SQLite moves its value into the join, and would prepare the statement in each run again.
      const select = selectJobs(db).where('jobs.id', 'in', [id]).where('jobs.owner_id', 'in', [ownerId]);
      const row = await select.executeTakeFirst();
      return row === undefined ? null : toItem(row);
    },

    async list(query) {
      const { statuses, after, limit } = query;
      const place = { dialect, table: 'jobs', after, limit } as const;
      const found = await findJobs(context, query, jobColumns);
      if (found !== null) return await listFound(query, found);
      const select = selectJobs(db);
      const isListed = sql<boolean>`jobs.owner_id = ${query.ownerId} and ${listedBy(query, dialect)}`;
      if (statuses === undefined) return await readPage(select.where(isListed), { ...place, toItem });
      // A page of each status, read from the index of that status: a filter over all jobs would read the whole history
      // to find a few running ones.
      const [first, ...others] = [...new Set(statuses)].map((status) => {
        const ofStatus = db.selectFrom('jobs').select('jobs.id').where(isListed).where('jobs.status', '=', status);
        return db.selectFrom(selectPage(ofStatus, place).as('of_status')).select('of_status.id');
      });
      if (first === undefined) return { items: [], hasMore: false };
      const ids = others.reduce((all, each) => all.unionAll(each), first);
      return await readPage(select.where('jobs.id', 'in', ids), { ...place, toItem });
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

    async listRecent({ ownerIds, ms, ids, limit }) {
      if (ownerIds.length === 0) return [];
      const columns = sql`id, owner_id, status, version, verify_of, purged_at`;
      const isOwn = sql`owner_id in (${sql.join(ownerIds)})`;
      const named = ids.length === 0 ? sql`` : sql`union select ${columns} from jobs where id in (${sql.join(ids)})`;
      // Each part has an index of its own. SQLite would use that of the owners for the ended jobs too, and read all of
      // their history, so these are read by their time alone, and materialized.
      const { rows } = await sql<JobVersion>`
      with ended as materialized (select ${columns} from jobs where finished_at >= ${dialect.ago(ms)}),
      recent as (
        select ${columns} from ended
        union select ${columns} from jobs where ${isOwn} and created_at >= ${dialect.ago(ms)} and purged_at is null
        union select ${columns} from jobs where ${isOwn} and status = 'running' and purged_at is null
        ${named}
      )
      select id, owner_id as "ownerId", status, version from recent
      where ${isOwn} and verify_of is null and purged_at is null limit ${limit}`.execute(db);
      return rows;
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
  };
}
