/** Jobs as their owners read them. */
import type { Job, JobQuery, OpenJobs, Page, PriorityClass, QueueMeasure } from '@prosemill/core';
import { sql } from 'kysely';
import { readPage } from '../read-page.ts';
import { toJob } from '../rows.ts';
import type { StoreContext } from '../store-context.ts';
import { isClaimable, selectJobs } from './select-jobs.ts';

/** Ids in one IN list. */
const idsPerQuery = 1_000;

export async function findJob({ db }: StoreContext, ownerId: string, id: string): Promise<Job | null> {
  const row = await selectJobs(db).where('jobs.id', '=', id).where('jobs.owner_id', '=', ownerId).executeTakeFirst();
  return row === undefined ? null : toJob(row);
}

export async function listJobs({ db, dialect }: StoreContext, query: JobQuery): Promise<Page<Job>> {
  const { ownerId, status, createdAfter, createdBefore, after, limit } = query;
  let select = selectJobs(db).where('jobs.owner_id', '=', ownerId);
  if (status !== null) select = select.where('jobs.status', '=', status);
  if (createdAfter !== null) select = select.where('jobs.created_at', '>=', dialect.writeTime(createdAfter));
  if (createdBefore !== null) select = select.where('jobs.created_at', '<', dialect.writeTime(createdBefore));
  return await readPage(select, { dialect, table: 'jobs', after, limit, toItem: toJob });
}

export async function countAhead({ db }: StoreContext, id: string, limit: number): Promise<number | null> {
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
}

/** In one walk for all: a page of a long queue would count the same rows a hundred times. */
export async function listAhead(
  { db }: StoreContext,
  ids: readonly string[],
  limit: number,
): Promise<ReadonlyMap<string, number>> {
  if (ids.length === 0) return new Map();
  const { rows } = await sql<{ id: string; ahead: number }>`
    select id, ahead from (
      select id, row_number() over (order by class, turn, id) - 1 as ahead from jobs
      where status = 'queued' order by class, turn, id limit ${limit}
    ) as first_ones where id in (${sql.join(ids)})`.execute(db);
  return new Map(rows.map(({ id, ahead }) => [id, ahead]));
}

export async function jobVersions({ db }: StoreContext, ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
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
}

export async function countClaimable({ db, dialect }: StoreContext): Promise<number> {
  const row = await db
    .selectFrom('jobs')
    .select((builder) => builder.fn.countAll<number>().as('count'))
    .where(isClaimable(dialect))
    .executeTakeFirstOrThrow();
  return row.count;
}

export async function listClaimable(
  { db, dialect }: StoreContext,
  { after, limit }: { readonly after: string | null; readonly limit: number },
) {
  let select = db.selectFrom('jobs').select(['id', 'dispatch_epoch as epoch']).where(isClaimable(dialect));
  if (after !== null) select = select.where('id', '>', after);
  return await select.orderBy('id').limit(limit).execute();
}

export async function countOpen({ db }: StoreContext): Promise<OpenJobs> {
  const rows = await db
    .selectFrom('jobs')
    .select(['owner_id', 'status', (builder) => builder.fn.countAll<number>().as('count')])
    .where('status', 'in', ['queued', 'running'])
    .groupBy(['owner_id', 'status'])
    .execute();
  const queuedRows = rows.filter(({ status }) => status === 'queued');
  const sum = (some: typeof rows): number => some.reduce((total, { count }) => total + count, 0);
  const queued = sum(queuedRows);
  return {
    queued,
    running: sum(rows) - queued,
    queuedByOwner: new Map(queuedRows.map(({ owner_id: ownerId, count }) => [ownerId, count])),
  };
}

export async function measureQueue({ db, dialect }: StoreContext): Promise<QueueMeasure> {
  const oldest = db
    .selectFrom('jobs')
    .select(dialect.msSince('created_at').as('age_ms'))
    .where('status', '=', 'queued')
    .orderBy('created_at')
    .orderBy('id')
    .limit(1);
  const rows = await db
    .selectFrom('jobs')
    .select(['status', 'class', (builder) => builder.fn.countAll<number>().as('count'), oldest.as('oldest_queued_ms')])
    .where('status', 'in', ['queued', 'running'])
    .groupBy(['status', 'class'])
    .execute();
  return {
    counts: rows.map(({ status, class: priorityClass, count }) => ({
      status: status as 'queued' | 'running',
      priorityClass: priorityClass as PriorityClass,
      count,
    })),
    oldestQueuedMs: rows[0]?.oldest_queued_ms ?? null,
  };
}
