/** Columns that an operator may have added before. */
import type { ColumnDefinitionBuilder } from 'kysely';
import type { Dialect } from '../dialect.ts';

/** SQLite has no such clause. There nobody but the service, which is one process, changes the schema. */
export const ifMissing =
  ({ rowLocks }: Pick<Dialect, 'rowLocks'>) =>
  (column: ColumnDefinitionBuilder): ColumnDefinitionBuilder =>
    rowLocks ? column.ifNotExists() : column;
