/** The index of jobs by their words: triggers queue each job at its submit and its end, and this file indexes it. */
import { sql } from 'kysely';
import { selectJobs } from '../jobs/select-jobs.ts';
import { readMetadata } from '../rows.ts';
import type { StoreContext, TransactionContext } from '../store-context.ts';
import { encodeJob } from './encode-terms.ts';

const indexColumns = { id: 'id', version: 'integer', terms: 'text' } as const;

export interface IndexRequest {
  /** The most entries of the queue. */
  readonly limit: number;
  /** Entries that others have locked are skipped. False: waits until these are indexed. */
  readonly skipLocked: boolean;
}

/**
 * Indexes the jobs of entries of the queue, the newest first: those of an upgrade are many, and old.
 * @returns the number of entries
 */
export async function indexWaiting({ db, dialect }: StoreContext, request: IndexRequest): Promise<number> {
  const { limit, skipLocked } = request;
  return await db.transaction().execute(async (tx) => {
    const lock = !dialect.rowLocks ? sql`` : skipLocked ? sql`for update skip locked` : sql`for update`;
    const { rows } = await sql<{ id: string }>`
      delete from search_queue where id in (select id from search_queue order by id desc limit ${limit} ${lock})
      returning job_id as id`.execute(tx);
    if (rows.length > 0) await indexJobs({ tx, dialect }, [...new Set(rows.map(({ id }) => id))]);
    return rows.length;
  });
}

async function indexJobs({ tx, dialect }: TransactionContext, ids: readonly string[]): Promise<void> {
  const jobs = await selectJobs(tx).where('jobs.id', 'in', ids).where('jobs.purged_at', 'is', null).execute();
  await saveTerms(
    { tx, dialect },
    jobs.map((job) => ({
      id: job.id,
      version: job.version,
      terms: dialect.termIndex.write(
        encodeJob({
          ownerId: job.owner_id,
          prompt: job.prompt,
          completion: job.completion ?? job.partial_completion ?? '',
          metadata: readMetadata(job.metadata),
        }),
      ),
    })),
  );
}

export interface SearchRow {
  readonly id: string;
  readonly version: number;
  /** As `TermIndex.write` writes them; '' for none. */
  readonly terms: string;
}

/** A newer version stays: another process may have read a job before a purge, and write its terms after it. */
export async function saveTerms({ tx, dialect }: TransactionContext, rows: readonly SearchRow[]): Promise<void> {
  if (rows.length === 0) return;
  await sql`
    insert into job_search (job_id, version, terms)
    select id, version, ${dialect.termIndex.column(sql.ref('saved.terms'))}
    from ${dialect.values({ name: 'saved', columns: indexColumns, rows: rows.toSorted(byId) })}
    where true
    on conflict (job_id) do update set version = excluded.version, terms = excluded.terms
      where excluded.version > job_search.version`.execute(tx);
}

/** One order in all processes, which could otherwise wait for each other's rows. */
const byId = (a: SearchRow, b: SearchRow): number => (a.id < b.id ? -1 : 1);
