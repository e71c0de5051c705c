/** The start of a list, which a search looks at before it collects all matches. */
import { type RawBuilder, sql } from 'kysely';
import type { Dialect } from '../dialect.ts';

export interface ListStart {
  readonly dialect: Dialect;
  /** `created_at` of the list. */
  readonly createdAt: RawBuilder<unknown>;
  /** The rows of the list, as `table where condition`. */
  readonly rows: RawBuilder<unknown>;
  /** The latest time of the list; undefined: it has all rows. */
  readonly end: Date | undefined;
  /** The number of rows that are looked at. */
  readonly count: number;
}

/** The condition that a row is among the first of a list. */
export const isRecent = ({ dialect, createdAt, rows, end, count }: ListStart): RawBuilder<boolean> => sql<boolean>`
  ${createdAt} >= coalesce(
    (select created_at from ${rows} ${end === undefined ? sql`` : sql`and created_at <= ${dialect.writeTime(end)}`}
      order by created_at desc limit 1 offset ${count}),
    ${dialect.writeTime(new Date(0))}
  )`;
