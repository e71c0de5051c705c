/** The port of the database for API keys: the only authority over which keys are valid. */
import type { ApiKey } from '../api-key.ts';
import type { Cursor, Page } from './page.ts';

export interface NewApiKey extends Pick<ApiKey, 'id' | 'ownerId' | 'name' | 'prefix' | 'scopes'> {
  /** SHA-256 of the secret, in hex. */
  readonly hash: string;
  /** Counted from now; null: the key never expires. */
  readonly expiresInMs: number | null;
}

/** A key that is valid now. */
export interface ValidApiKey extends Pick<ApiKey, 'id' | 'ownerId' | 'name' | 'prefix' | 'scopes' | 'expiresAt'> {
  /** Time left until the key expires; null: it never does. */
  readonly remainingMs: number | null;
}

/** API keys of all owners. Every method is one statement. */
export interface ApiKeyStore {
  create(key: NewApiKey): Promise<ApiKey>;
  /** Null for a key that is unknown, expired or revoked: callers are not told which. */
  findValid(hash: string): Promise<ValidApiKey | null>;
  /** Lists keys newest first, with those that are no longer valid. */
  list(query: { readonly after: Cursor<string> | null; readonly limit: number }): Promise<Page<ApiKey>>;
  /** Makes a key invalid from now on. A repeated call does not change `revokedAt`. @returns false for an unknown id */
  revoke(id: string): Promise<boolean>;
  /** Sets `lastUsedAt`, unless that is less than an hour old. */
  recordUse(id: string): Promise<void>;
  hasValid(): Promise<boolean>;
}
