/** The port of the database for finished texts. */
import type { GenerationRecord } from '../job.ts';
import type { Cursor, Page } from './page.ts';

export interface GenerationQuery {
  readonly ownerId: string;
  readonly after: Cursor<number> | null;
  readonly limit: number;
}

/** Texts of jobs that are not to be stored are in no answer. */
export interface GenerationStore {
  list(query: GenerationQuery): Promise<Page<GenerationRecord>>;
  /** Null for an unknown id and for another owner's record. */
  find(ownerId: string, id: number): Promise<GenerationRecord | null>;
}
