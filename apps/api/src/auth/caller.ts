/** The sender of a request. */
import { type Scope, scopes } from '@prosemill/core';

export interface Caller {
  /** The owner of the jobs that the caller makes and sees. */
  readonly ownerId: string;
  /** The id of the API key; null where no key is read. */
  readonly keyId: string | null;
  readonly scopes: readonly Scope[];
}

/** Without keys there is one owner, who may do everything. */
export const localCaller: Caller = { ownerId: 'local', keyId: null, scopes };

/** The sender of a request to an open route, which answers the same to everybody. */
export const anonymousCaller: Caller = { ownerId: '', keyId: null, scopes: [] };

/** The holder of ADMIN_KEY: makes keys, and has no jobs. */
export const adminCaller: Caller = { ownerId: 'admin', keyId: 'ADMIN_KEY', scopes: ['admin'] };
