/** A cache of valid API keys: it saves look-ups, and bounds the delay of a revocation. */
import {
  answerWithin,
  type ApiKeyStore,
  errorLine,
  isRetryable,
  type Logger,
  revocationDelayMs,
  type ValidApiKey,
} from '@prosemill/core';
import type { Caller } from './caller.ts';

export interface KnownKeysOptions {
  readonly keys: ApiKeyStore;
  readonly logger: Logger;
  /** Beyond this number the key that was looked up longest ago is evicted. */
  readonly maxKeys?: number;
  /** Milliseconds that never go back; tests bring their own. */
  readonly now?: () => number;
}

interface KnownKey {
  readonly caller: Caller;
  /** When the look-up began: the answer may be outdated from then on. */
  readonly askedAt: number;
  readonly expiresAt: number;
  /** When its use was last recorded. */
  readonly useRecordedAt: number;
}

/** The longest wait for a database that may hang; Prometheus gives up after 10 s. */
const patienceMs = 1_000;
const defaultMaxKeys = 10_000;
/** The least time between two writes of the use of a key. */
const recordUseIntervalMs = 3_600_000;

export class KnownKeys {
  readonly #options: KnownKeysOptions;
  readonly #now: () => number;
  /** By the hash of the secret: the time of a look-up reveals no secret. In the order of the look-ups. */
  readonly #known = new Map<string, KnownKey>();
  readonly #asking = new Map<string, Promise<Caller | null>>();
  #revocations = 0;

  constructor(options: KnownKeysOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** True if the key was valid at its last look-up, however long ago. */
  has(hash: string): boolean {
    return this.#known.has(hash);
  }

  /** Applies a revocation by this process at once. */
  forget(keyId: string): void {
    // A look-up under way may have read the key before its revocation.
    this.#revocations += 1;
    this.#asking.clear();
    for (const [hash, { caller }] of this.#known) if (caller.keyId === keyId) this.#known.delete(hash);
  }

  /** @returns null for a key that is not valid, for any reason */
  async find(hash: string): Promise<Caller | null> {
    const known = this.#known.get(hash);
    const now = this.#now();
    if (known !== undefined && now < known.expiresAt && now - known.askedAt < revocationDelayMs) return known.caller;
    // Requests at the same time share one look-up.
    const asked = this.#asking.get(hash);
    if (asked !== undefined) return await asked;
    const asking = this.#ask(hash).finally(() => this.#asking.delete(hash));
    this.#asking.set(hash, asking);
    return await asking;
  }

  /**
   * `find` for requests that need no database: during its outage, a key that was valid at its last look-up is accepted
   * until it expires. A key cannot be revoked meanwhile.
   */
  async findDuringOutage(hash: string): Promise<Caller | null> {
    const known = this.#known.get(hash);
    if (known === undefined) return await this.find(hash);
    const finding = this.find(hash).then((caller) => ({ caller }));
    const found = await answerWithin(patienceMs, finding).catch(nullIfUnavailable);
    if (found !== null) return found.caller;
    return this.#now() < known.expiresAt ? known.caller : null;
  }

  async #ask(hash: string): Promise<Caller | null> {
    const askedAt = this.#now();
    const revocations = this.#revocations;
    const key = await this.#options.keys.findValid(hash);
    const before = this.#known.get(hash);
    // Deleted first, so that the entry moves to the end.
    this.#known.delete(hash);
    if (key === null) return null;
    const caller = { ownerId: key.ownerId, keyId: key.id, scopes: key.scopes, key };
    if (revocations !== this.#revocations) return caller;
    const expiresAt = key.remainingMs === null ? Number.POSITIVE_INFINITY : askedAt + key.remainingMs;
    this.#known.set(hash, { caller, askedAt, expiresAt, useRecordedAt: this.#recordUse(key, before) });
    const [oldest] = this.#known.keys();
    if (this.#known.size > (this.#options.maxKeys ?? defaultMaxKeys) && oldest !== undefined)
      this.#known.delete(oldest);
    return caller;
  }

  /** Records the use in the background. @returns `useRecordedAt` */
  #recordUse({ id }: ValidApiKey, before: KnownKey | undefined): number {
    const now = this.#now();
    if (before !== undefined && now - before.useRecordedAt < recordUseIntervalMs) return before.useRecordedAt;
    const { keys, logger } = this.#options;
    keys
      .recordUse(id)
      .catch((error: unknown) => logger.debug({ reason: errorLine(error) }, 'the use of a key was not recorded'));
    return now;
  }
}

function nullIfUnavailable(error: unknown): null {
  if (isRetryable(error)) return null;
  throw error;
}
