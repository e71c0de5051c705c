/** From the header `Authorization` to whose request it is. */
import { timingSafeEqual } from 'node:crypto';
import { AppError } from '@prosemill/core';
import type { Access } from '../access.ts';
import { adminCaller, type Caller, localCaller } from '../caller.ts';
import { hashSecret, isSecret } from './api-key-secret.ts';
import { FailedAttempts } from './failed-attempts.ts';
import type { KnownKeys } from './known-keys.ts';

export interface Credentials {
  /** The header as it came. */
  readonly authorization: string | undefined;
  readonly clientAddress: string;
  /** What is asked for needs none: a key that was valid before the database went away is enough. */
  readonly needsDatabase: boolean;
}

/** @throws {AppError} `unauthorized`, the same for every cause; `rate_limited` after too many keys that nobody has */
export type IdentifyCaller = (credentials: Credentials) => Promise<Caller>;

export interface IdentifyCallerOptions {
  readonly access: Access;
  readonly knownKeys: KnownKeys;
}

export function createIdentifyCaller({ access, knownKeys }: IdentifyCallerOptions): IdentifyCaller {
  if (access.auth === 'off') return async () => localCaller;
  const failedAttempts = new FailedAttempts();
  const adminHash = access.adminKey === null ? null : hashSecret(access.adminKey);

  async function lookUp(hash: string, { clientAddress, needsDatabase }: Credentials): Promise<Caller | null> {
    // Honest clients behind the same address go on: their keys are known.
    const isKnown = knownKeys.has(hash);
    const waitMs = isKnown ? 0 : failedAttempts.admit(clientAddress);
    if (waitMs > 0) {
      const message = 'Too many keys that are not valid came from this address.';
      throw new AppError('rate_limited', { message, details: { retryAfterMs: Math.ceil(waitMs) } });
    }
    const caller = await (needsDatabase ? knownKeys.find(hash) : knownKeys.findThoughAway(hash));
    if (caller !== null && !isKnown) failedAttempts.takeBack(clientAddress);
    return caller;
  }

  return async function identifyCaller(credentials) {
    const secret = bearerOf(credentials.authorization);
    const hash = hashSecret(secret);
    if (adminHash !== null && timingSafeEqual(Buffer.from(hash), Buffer.from(adminHash))) return adminCaller;
    // What has not the form of a secret asks the database nothing, so it costs no attempt.
    const caller = isSecret(secret) ? await lookUp(hash, credentials) : null;
    if (caller !== null) return caller;
    throw new AppError('unauthorized', { message: 'This needs a valid API key: Authorization: Bearer pm_…' });
  };
}

/** The token, or '' for anything else. @see RFC 6750, §2.1 */
const bearerOf = (authorization = ''): string => /^Bearer +([\w\-.~+/]+=*) *$/i.exec(authorization)?.[1] ?? '';
