/** The port of the database for API keys: the only authority over which are valid. */
import type { ApiKey } from '../api-key.ts';
import type { Cursor, Page } from './job-store.ts';

export interface NewApiKey extends Pick<ApiKey, 'id' | 'ownerId' | 'name' | 'prefix' | 'scopes'> {
  /** SHA-256 of the secret, in hex. */
  readonly hash: string;
  /** From now; null: never. */
  readonly expiresInMs: number | null;
}

/** A key that is valid now. */
export interface ValidApiKey extends Pick<ApiKey, 'id' | 'ownerId' | 'scopes'> {
  /** What is left until it expires; null: it does not. */
  readonly remainingMs: number | null;
}

/** API keys of all owners. Every method is one statement. */
export interface ApiKeyStore {
  create(key: NewApiKey): Promise<ApiKey>;
  /** Null for an unknown hash, and for a key that has expired or was revoked: nobody is told which. */
  findValid(hash: string): Promise<ValidApiKey | null>;
  /** Newest first, with those that are not valid any more. */
  list(query: { readonly after: Cursor<string> | null; readonly limit: number }): Promise<Page<ApiKey>>;
  /**
   * From now on the key is not valid; one that was revoked before stays as it is.
   * @returns false for an unknown id
   */
  revoke(id: string): Promise<boolean>;
  /** Sets `lastUsedAt`, unless that is less than an hour old. */
  noteUse(id: string): Promise<void>;
  /** Whether there is any valid key. */
  hasValid(): Promise<boolean>;
}
