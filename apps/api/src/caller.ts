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
