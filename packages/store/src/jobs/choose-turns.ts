/** Turns: the places of new jobs in the claim order of their class. */
import type { NewJob, PriorityClass } from '@prosemill/core';
import { sql } from 'kysely';
import type { TransactionContext } from '../store-context.ts';

interface ClassTurns {
  /** The smallest turn of the jobs before their first claim, else the largest given so far; null in an empty class. */
  floor: number | null;
  /** The last turn of each owner. */
  readonly lastOf: Map<string, number>;
}

/**
 * Start-time fair queueing in each class. A job's turn follows its owner's last turn, but is never below the class's
 * floor, so that an idle owner earns no head start. Jobs that returned to the queue do not count for the floor,
 * because their old turns would lower it.
 * @see Goyal, Vin, Cheng 1996, "Start-time Fair Queuing"
 */
export async function chooseTurns({ tx }: TransactionContext, jobs: readonly NewJob[]): Promise<readonly number[]> {
  const classes = new Map<PriorityClass, ClassTurns>();
  const turns: number[] = [];
  for (const { ownerId, priorityClass } of jobs) {
    const turnsOfClass = classes.get(priorityClass) ?? { floor: await readFloor(tx, priorityClass), lastOf: new Map() };
    classes.set(priorityClass, turnsOfClass);
    const last = turnsOfClass.lastOf.get(ownerId) ?? (await readLastTurn(tx, priorityClass, ownerId));
    const turn = turnAfter({ floor: turnsOfClass.floor, last });
    turnsOfClass.lastOf.set(ownerId, turn);
    turnsOfClass.floor ??= turn;
    turns.push(turn);
  }
  return turns;
}

/** The values that bound the next turn of an owner. */
export interface TurnBounds {
  readonly floor: number | null;
  /** The owner's last turn in the class. */
  readonly last: number | null;
}

export const turnAfter = ({ floor, last }: TurnBounds): number => Math.max((last ?? 0) + 1, floor ?? 1);

/**
 * Orders as claims do. With `min(turn)` instead, Postgres may choose the index of turns, and walk past every job that
 * ever ended.
 */
export const floorOf = (priorityClass: PriorityClass) => sql<number | null>`coalesce(
  (select turn from jobs where status = 'queued' and class = ${priorityClass} and attempt = 0 order by turn, id limit 1),
  (select max(turn) from jobs where class = ${priorityClass})
)`;

export const lastTurnOf = (ownerId: string, priorityClass: PriorityClass) => sql<number | null>`(
  select max(turn) from jobs where owner_id = ${ownerId} and class = ${priorityClass}
)`;

async function readFloor(tx: TransactionContext['tx'], priorityClass: PriorityClass): Promise<number | null> {
  const { rows } = await sql<{ floor: number | null }>`select ${floorOf(priorityClass)} as floor`.execute(tx);
  return rows[0]?.floor ?? null;
}

async function readLastTurn(
  tx: TransactionContext['tx'],
  priorityClass: PriorityClass,
  ownerId: string,
): Promise<number> {
  const { rows } = await sql<{ last: number | null }>`select ${lastTurnOf(ownerId, priorityClass)} as last`.execute(tx);
  return rows[0]?.last ?? 0;
}
