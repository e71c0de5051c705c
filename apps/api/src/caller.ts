/** Whoever sends a request. */
import { type Scope, scopes } from '@prosemill/core';

export interface Caller {
  /** Whose jobs these are. */
  readonly ownerId: string;
  /** Of its API key; null without keys. */
  readonly keyId: string | null;
  /** What it may do. */
  readonly scopes: readonly Scope[];
}

/** Without keys there is one owner, who may do everything. */
export const localCaller: Caller = { ownerId: 'local', keyId: null, scopes };

/** Of requests that need no key: what is open says the same to everybody. */
export const nobody: Caller = { ownerId: '', keyId: null, scopes: [] };

/** Whoever has ADMIN_KEY: makes keys, and has no jobs. */
export const adminCaller: Caller = { ownerId: 'admin', keyId: 'ADMIN_KEY', scopes: ['admin'] };
