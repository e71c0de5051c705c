/** Places in the claim order, and the load ahead of them. */
import { assumedTokenBudget, type JobStore, type PriorityClass } from '@prosemill/core';
import { sql } from 'kysely';
import type { StoreContext } from '../store-context.ts';
import { floorOf, lastTurnOf, turnAfter, type TurnBounds } from './choose-turns.ts';

type PlaceMethods = Pick<JobStore, 'measureAhead' | 'listAhead' | 'listMarks' | 'nextTurn'>;

interface LoadRow {
  readonly jobs: number;
  readonly tokens: number;
}

/** The token budget of a row, as sums count it. */
export const countedBudget = sql<number>`coalesce(token_budget, ${sql.lit(assumedTokenBudget)})`;

/** Queued rows with the load ahead of each. */
const queuedWithLoad = sql`
  select class, turn, id, row_number() over in_order - 1 as jobs, sum(${countedBudget}) over in_order - ${countedBudget} as tokens
  from jobs where status = 'queued'
  window in_order as (order by class, turn, id rows between unbounded preceding and current row)`;

export const createPlaceMethods = ({ db }: StoreContext): PlaceMethods => ({
  async measureAhead({ priorityClass, turn, id }, limit) {
    const { rows } = await sql<LoadRow>`
      select count(*) as jobs, coalesce(sum(budget), 0) as tokens from (
        select ${countedBudget} as budget from jobs
        where status = 'queued' and (class, turn, id) < (${priorityClass}, ${turn}, ${id})
        order by class, turn, id limit ${limit}
      ) as before_it`.execute(db);
    return rows[0] ?? { jobs: 0, tokens: 0 };
  },

  // One walk for a whole page: one walk for each of its jobs would read the head of a long queue a hundred times.
  async listAhead(ids, limit) {
    if (ids.length === 0) return new Map();
    const { rows } = await sql<LoadRow & { id: string }>`
      select id, jobs, tokens from (${queuedWithLoad} order by class, turn, id limit ${limit}) as first_ones
      where id in (${sql.join(ids)})`.execute(db);
    return new Map(rows.map(({ id, ...load }) => [id, load]));
  },

  async listMarks(interval) {
    const { rows } = await sql<LoadRow & { class: PriorityClass; turn: number; id: string }>`
      select class, turn, id, jobs, tokens from (${queuedWithLoad}) as ordered
      where jobs % ${interval} = 0 order by class, turn, id`.execute(db);
    return rows.map(({ class: priorityClass, turn, id, ...ahead }) => ({ priorityClass, turn, id, ahead }));
  },

  async nextTurn(ownerId, priorityClass) {
    const { rows } = await sql<TurnBounds>`
      select ${floorOf(priorityClass)} as floor, ${lastTurnOf(ownerId, priorityClass)} as last`.execute(db);
    return turnAfter(rows[0] ?? { floor: null, last: null });
  },
});
