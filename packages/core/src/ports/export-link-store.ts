/** The port of the database for download links. Each is the right to one export, for a short time. */
import type { ExportFilter } from './generation-store.ts';

export type ExportFormat = 'jsonl' | 'csv';

/** The texts of an owner, as a file. */
export interface ExportRequest extends ExportFilter {
  readonly ownerId: string;
  readonly format: ExportFormat;
}

export interface NewExportLink {
  /** SHA-256 of the token, in hex. */
  readonly hash: string;
  readonly request: ExportRequest;
  /** The API key that made the link; null where no key is needed. */
  readonly keyId: string | null;
  /** Counted from now. */
  readonly expiresInMs: number;
}

/** Links of all owners. Every method is one statement. */
export interface ExportLinkStore {
  /** @returns the time from which on the link does not work */
  create(link: NewExportLink): Promise<Date>;
  /**
   * Uses a link up: of several calls, one gets the request. Null for a link that is unknown, used or expired, and for
   * one whose key is no longer valid: callers are not told which.
   */
  take(hash: string): Promise<ExportRequest | null>;
  deleteExpired(): Promise<void>;
}
