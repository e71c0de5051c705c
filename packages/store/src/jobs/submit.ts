/** – → queued. */
import type { Job, NewJob, PriorityClass } from '@prosemill/core';
import { sql } from 'kysely';
import { toJob } from '../rows.ts';
import { addEvents, type StoreContext, type TransactionContext } from './context.ts';
import { findKeyHolders, type KeyHolder, nameOfKey, saveKeys } from './idempotency.ts';

/** Postgres's name for "one submit at a time"; any constant does. */
const submitLock = 0x70726f73;

/**
 * Commits these jobs together, in this order, or none of them.
 * @returns for each the job that it is now: itself, the one that its idempotency key holds, or null when that is of another request
 */
export async function submitJobs(
  { db, dialect }: StoreContext,
  jobs: readonly NewJob[],
): Promise<readonly (Job | null)[]> {
  return await db.transaction().execute(async (tx) => {
    // Turns follow from each other: two submits that do not see each other would share one, and a backlog would stand in one turn.
    if (dialect.rowLocks) await sql`select pg_advisory_xact_lock(${submitLock})`.execute(tx);
    const keys = jobs.flatMap(({ ownerId, idempotency }) =>
      idempotency === undefined ? [] : [{ ownerId, key: idempotency.key }],
    );
    const holders: ReadonlyMap<KeyName, KeyHolder> = await findKeyHolders({ db: tx, dialect }, keys);
    const takers = firstTakers(jobs.filter((job) => !holders.has(keyNameOf(job))));
    const inserted = await insertJobs({ tx, dialect }, [...takers.values()]);
    return jobs.map((job) => {
      const holder = holders.get(keyNameOf(job));
      const taker = takers.get(keyNameOf(job)) ?? job;
      const requestHash = holder?.requestHash ?? taker.idempotency?.requestHash;
      return requestHash === job.idempotency?.requestHash ? (holder?.job ?? inserted.get(taker.id) ?? null) : null;
    });
  });
}

/** A job without a key stands for itself. */
type KeyName = string | NewJob;

const keyNameOf = (job: NewJob): KeyName =>
  job.idempotency === undefined ? job : nameOfKey({ ownerId: job.ownerId, key: job.idempotency.key });

/** Of jobs with the same key the first. */
function firstTakers(jobs: readonly NewJob[]): ReadonlyMap<KeyName, NewJob> {
  const takers = new Map<KeyName, NewJob>();
  for (const job of jobs) {
    const name = keyNameOf(job);
    if (!takers.has(name)) takers.set(name, job);
  }
  return takers;
}

async function insertJobs(
  { tx, dialect }: TransactionContext,
  jobs: readonly NewJob[],
): Promise<ReadonlyMap<string, Job>> {
  if (jobs.length === 0) return new Map();
  const turns = await chooseTurns({ tx, dialect }, jobs);
  const rows = await tx
    .insertInto('jobs')
    .values(
      jobs.map((job, index) => ({
        id: job.id,
        owner_id: job.ownerId,
        status: 'queued' as const,
        version: 1,
        class: job.priorityClass,
        turn: turns[index] ?? 1,
        prompt: job.prompt,
        parameters: JSON.stringify(job.parameters),
        seed: job.seed,
        attempt: 0,
        released_count: 0,
        crash_count: 0,
        max_attempts: job.maxAttempts,
        dispatch_epoch: 0,
        available_at: dialect.now,
        deadline_at: job.deadlineMs === null ? null : dialect.nowPlus(job.deadlineMs),
        created_at: dialect.now,
        traceparent: job.traceparent,
      })),
    )
    .returningAll()
    .execute();
  await addEvents(
    { tx, dialect },
    jobs.map(({ id }) => ({ id, seq: 1, type: 'job-queued', attempt: 0, actor: 'api' })),
  );
  await saveKeys({ tx, dialect }, jobs);
  return new Map(rows.map((row) => [row.id, toJob({ ...row, generation_id: null, generated_text: null })]));
}

/** Where a class stands. */
interface ClassTurns {
  /** The smallest that waits for its first claim, else the largest given so far; null in an empty class. */
  floor: number | null;
  readonly lastOf: Map<string, number>;
}

/**
 * Start-time fair queueing, per class: after the owner's last turn, but never before the smallest turn that waits for its first claim (or,
 * when none waits, the largest given so far), so that time spent idle earns nobody a head start. A job that returned to the queue does
 * not count: it keeps its turn, and would take the class back to it.
 * @see Goyal, Vin, Cheng 1996, "Start-time Fair Queuing"
 */
async function chooseTurns({ tx }: TransactionContext, jobs: readonly NewJob[]): Promise<readonly number[]> {
  const classes = new Map<PriorityClass, ClassTurns>();
  const turns: number[] = [];
  for (const { ownerId, priorityClass } of jobs) {
    const turnsOfClass = classes.get(priorityClass) ?? { floor: await readFloor(tx, priorityClass), lastOf: new Map() };
    classes.set(priorityClass, turnsOfClass);
    const last = turnsOfClass.lastOf.get(ownerId) ?? (await readLastTurn(tx, priorityClass, ownerId));
    const turn = Math.max(last + 1, turnsOfClass.floor ?? 1);
    turnsOfClass.lastOf.set(ownerId, turn);
    turnsOfClass.floor ??= turn;
    turns.push(turn);
  }
  return turns;
}

/** Ordered as claims are: for `min(turn)` Postgres may take the index of turns alone, and walk past every job that ever ended. */
async function readFloor(tx: TransactionContext['tx'], priorityClass: PriorityClass): Promise<number | null> {
  const { rows } = await sql<{ floor: number | null }>`
    select coalesce(
      (select turn from jobs where status = 'queued' and class = ${priorityClass} and attempt = 0 order by turn, id limit 1),
      (select max(turn) from jobs where class = ${priorityClass})
    ) as floor`.execute(tx);
  return rows[0]?.floor ?? null;
}

async function readLastTurn(
  tx: TransactionContext['tx'],
  priorityClass: PriorityClass,
  ownerId: string,
): Promise<number> {
  const { last } = await tx
    .selectFrom('jobs')
    .select((builder) => builder.fn.max('turn').as('last'))
    .where('owner_id', '=', ownerId)
    .where('class', '=', priorityClass)
    .executeTakeFirstOrThrow();
  return last ?? 0;
}
