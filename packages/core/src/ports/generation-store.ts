/** The port of the database for finished texts. */
import type { GenerationRecord, Job } from '../job.ts';
import type { TextFilter } from './job-store.ts';
import type { Cursor, Page } from './page.ts';

export interface GenerationQuery {
  readonly ownerId: string;
  readonly after: Cursor<number> | null;
  readonly limit: number;
}

/** Conditions on the texts of an export; an absent one holds for every text. */
export interface ExportFilter extends TextFilter {
  /** Inclusive; by the end of the job, like every time of a text. */
  readonly createdAfter?: Date | undefined;
  /** Exclusive. */
  readonly createdBefore?: Date | undefined;
}

export interface ExportQuery extends GenerationQuery, ExportFilter {}

/** A text with its job. */
export interface ExportedText extends GenerationRecord, Pick<Job, 'seed' | 'metadata' | 'usage'> {
  readonly finishReason: string | null;
}

/** Texts of jobs that are not to be stored are in no answer. */
export interface GenerationStore {
  list(query: GenerationQuery): Promise<Page<GenerationRecord>>;
  /** Lists texts with their jobs, newest first. */
  listForExport(query: ExportQuery): Promise<Page<ExportedText>>;
  /** Null for an unknown id and for another owner's record. */
  find(ownerId: string, id: number): Promise<GenerationRecord | null>;
}
