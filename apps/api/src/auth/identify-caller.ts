/** Identifies the caller by the header `Authorization`. */
import { timingSafeEqual } from 'node:crypto';
import { AppError } from '@prosemill/core';
import type { Access } from './access.ts';
import { adminCaller, type Caller, localCaller } from './caller.ts';
import { hashSecret, isSecret } from './api-key-secret.ts';
import { createFailedAttempts } from './failed-attempts.ts';
import type { KnownKeys } from './known-keys.ts';

export interface Credentials {
  /** The header as it came. */
  readonly authorization: string | undefined;
  /** False for probes: during an outage of the database they may use a key that was valid before. */
  readonly needsDatabase: boolean;
}

/**
 * @throws {AppError} `unauthorized`, the same for every cause; `rate_limited` while too many unknown keys come
 */
export type IdentifyCaller = (credentials: Credentials) => Promise<Caller>;

export function createIdentifyCaller(access: Access, knownKeys: KnownKeys): IdentifyCaller {
  if (access.auth === 'off') return async () => localCaller;
  const failedAttempts = createFailedAttempts();
  const adminHash = access.adminKey === null ? null : hashSecret(access.adminKey);

  async function lookUp(hash: string, needsDatabase: boolean): Promise<Caller | null> {
    // A known key costs no attempt, so guesses do not hold up honest clients.
    const isKnown = knownKeys.has(hash);
    const waitMs = isKnown ? 0 : failedAttempts.admit();
    if (waitMs > 0) {
      const message = 'Too many invalid API keys arrive at this moment.';
      throw new AppError('rate_limited', { message, details: { retryAfterMs: waitMs } });
    }
    const caller = await (needsDatabase ? knownKeys.find(hash) : knownKeys.findDuringOutage(hash));
    if (caller !== null && !isKnown) failedAttempts.refund();
    return caller;
  }

  return async function identifyCaller({ authorization, needsDatabase }) {
    const secret = bearerOf(authorization);
    const hash = hashSecret(secret);
    if (adminHash !== null && timingSafeEqual(Buffer.from(hash), Buffer.from(adminHash))) return adminCaller;
    // A text without the form of a secret causes no look-up, so it costs no attempt either.
    const caller = isSecret(secret) ? await lookUp(hash, needsDatabase) : null;
    if (caller !== null) return caller;
    throw new AppError('unauthorized', { message: 'This needs a valid API key: Authorization: Bearer pm_…' });
  };
}

/** @returns the token; '' for any other header @see RFC 6750, §2.1 */
const bearerOf = (authorization = ''): string => /^Bearer +([\w\-.~+/]+=*) *$/i.exec(authorization)?.[1] ?? '';
