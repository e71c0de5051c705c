/** The sender of a request. */
import { type Scope, scopes, type ValidApiKey } from '@prosemill/core';

export interface Caller {
  /** The owner of the jobs that the caller makes and sees. */
  readonly ownerId: string;
  /** The id of the API key; null where no key is read. */
  readonly keyId: string | null;
  readonly scopes: readonly Scope[];
  /** Null where no key is read, and for ADMIN_KEY, which is not stored. */
  readonly key: ValidApiKey | null;
}

/** Without keys there is one owner, who may do everything. */
export const localCaller: Caller = { ownerId: 'local', keyId: null, scopes, key: null };

/** The sender of a request to an open route, which answers the same to everybody. */
export const anonymousCaller: Caller = { ownerId: '', keyId: null, scopes: [], key: null };

/** The holder of ADMIN_KEY: makes keys, and has no jobs. */
export const adminCaller: Caller = { ownerId: 'admin', keyId: 'ADMIN_KEY', scopes: ['admin'], key: null };
