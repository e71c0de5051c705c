/** Types of columns that the two databases spell differently. Released migrations use them: they never change. */
import { type ColumnDataType, type RawBuilder, sql } from 'kysely';
import type { Dialect } from '../dialect.ts';

export interface ColumnTypes {
  readonly time: ColumnDataType | RawBuilder<unknown>;
  readonly id: ColumnDataType;
  readonly number: ColumnDataType;
}

export const columnTypes: Readonly<Record<Dialect['name'], ColumnTypes>> = {
  postgres: { time: sql`timestamptz(3)`, id: 'uuid', number: 'double precision' },
  sqlite: { time: 'integer', id: 'text', number: 'real' },
};
