/** The filters of lists, by the names of the API. */
import type { Job } from './types.ts';

export interface TextFilters {
  /** Words of the prompt or the text, all of them; "words in quotes" one after another. */
  readonly q?: string | undefined;
  /** `customer:4711`: jobs that have all of these pairs. */
  readonly metadata?: readonly string[] | undefined;
  /** Inclusive. */
  readonly created_after?: string | Date | undefined;
  /** Exclusive. */
  readonly created_before?: string | Date | undefined;
}

export interface ExportFilters extends TextFilters {
  /** Default: `jsonl`. */
  readonly format?: 'jsonl' | 'csv' | undefined;
}

export interface JobFilters extends TextFilters {
  readonly status?: Job['status'] | readonly Job['status'][] | undefined;
  /** The repetitions of this job. */
  readonly retry_of?: string | undefined;
  /** The jobs of this batch. */
  readonly batch_id?: string | undefined;
  /** Items of one request; the iteration asks for as many pages as it needs. */
  readonly limit?: number | undefined;
}

export interface HistoryFilters {
  /** Items of one request; the iteration asks for as many pages as it needs. */
  readonly limit?: number | undefined;
}

export interface LiveFilters {
  /** Up to 16 jobs: `ID`, or `ID@POSITION` with the id of the last event that the caller has of it. */
  readonly job?: readonly string[];
  readonly topic?: readonly ('jobs' | 'machine')[];
}
