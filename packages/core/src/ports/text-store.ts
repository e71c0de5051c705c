/** The port of the database for the texts of watched jobs while they run. */
import type { ClaimKey } from './job-store.ts';

/** A part of a completion. The pieces of an attempt follow each other without a gap. */
export interface TextPiece extends ClaimKey {
  /** Code points of the completion before it. */
  readonly offset: number;
  /** Not empty. U+0000 and lone surrogates are stored as U+FFFD, as in the completion of a job that ended. */
  readonly text: string;
  /** New tokens of the attempt so far, those of this piece included. */
  readonly tokens: number;
}

/** The place up to which a reader knows the text of a job. */
export interface TextCursor extends ClaimKey {
  /** Code points. */
  readonly offset: number;
}

/**
 * Texts for streams, while they are written. The outcome of a job does not depend on them. Every method is one
 * statement. The pieces go with the transition that takes their job out of `running`.
 */
export interface TextStore {
  /**
   * Marks unfinished jobs as watched, which is no transition: their versions stay. The worker of a running one needs
   * the wake-up `job-watch`. A claim may have skipped a queued one because of this write, as it skips all rows that are
   * locked, so a queued one needs one more permit: a hint with an id of its own.
   * @returns the ids of the jobs that were not watched before
   */
  watch(ids: readonly string[]): Promise<readonly string[]>;
  /** Lists the watched ones among these jobs. */
  listWatched(ids: readonly string[]): Promise<readonly string[]>;
  /**
   * Appends pieces. Drops those of attempts that do not hold their jobs, and of jobs that nobody watches. A piece with
   * the offset of an earlier one replaces it if it is longer, so a writer that has lost the answer may append again,
   * with the text that came since.
   */
  append(pieces: readonly TextPiece[]): Promise<void>;
  /**
   * Reads what follows the cursors, at most one cursor for each job: the text of its attempt from exactly its offset
   * on, then the texts of later attempts from their beginnings. Pieces of one job are in the order of the text.
   */
  read(cursors: readonly TextCursor[]): Promise<readonly TextPiece[]>;
  /**
   * Removes at most `limit` pieces of ended attempts. An append during the end of its attempt leaves such pieces.
   * @returns the number of removed pieces
   */
  sweep(limit: number): Promise<number>;
}
