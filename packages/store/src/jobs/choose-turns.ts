/** The place of a new job in the claim order of its class. */
import type { NewJob, PriorityClass } from '@prosemill/core';
import { sql } from 'kysely';
import type { TransactionContext } from '../store-context.ts';

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
export async function chooseTurns({ tx }: TransactionContext, jobs: readonly NewJob[]): Promise<readonly number[]> {
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
