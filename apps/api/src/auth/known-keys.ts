/** A cache of valid API keys, so that not every request asks the database. It bounds the delay of a revocation. */
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
  /** With more keys in use, the ones that were looked up longest ago are evicted. */
  readonly maxKeys?: number;
  /** Milliseconds that never go back; tests bring their own. */
  readonly now?: () => number;
}

interface KnownKey {
  readonly caller: Caller;
  /** Time of the question: the answer may be outdated from then on. */
  readonly askedAt: number;
  readonly expiresAt: number;
  /** Time at which its use was last noted. */
  readonly notedAt: number;
}

/** Longest wait for a database that may hang; Prometheus gives up after 10 s. */
const patienceMs = 1_000;
const defaultMaxKeys = 10_000;
/** The store writes the use of a key no more often. */
const noteIntervalMs = 3_600_000;

export class KnownKeys {
  readonly #options: KnownKeysOptions;
  readonly #now: () => number;
  /** By the hash of the secret, so that the time of a look-up reveals no secret. The last look-up is last. */
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

  /** Applies a revocation that this process made: it holds at once. */
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
   * `find` for requests that need no database: while it is away, a key that was valid at its last look-up is accepted
   * until it expires. A key cannot be revoked meanwhile.
   */
  async findThoughAway(hash: string): Promise<Caller | null> {
    const known = this.#known.get(hash);
    if (known === undefined) return await this.find(hash);
    const finding = this.find(hash).then((caller) => ({ caller }));
    const found = await answerWithin(patienceMs, finding).catch(nullIfAway);
    if (found !== null) return found.caller;
    return this.#now() < known.expiresAt ? known.caller : null;
  }

  async #ask(hash: string): Promise<Caller | null> {
    const askedAt = this.#now();
    const revocations = this.#revocations;
    const key = await this.#options.keys.findValid(hash);
    const before = this.#known.get(hash);
    // Deleted first, so that the entry moves to the end of the order.
    this.#known.delete(hash);
    if (key === null) return null;
    const caller = { ownerId: key.ownerId, keyId: key.id, scopes: key.scopes };
    if (revocations !== this.#revocations) return caller;
    const expiresAt = key.remainingMs === null ? Number.POSITIVE_INFINITY : askedAt + key.remainingMs;
    this.#known.set(hash, { caller, askedAt, expiresAt, notedAt: this.#recordUse(key, before) });
    const [oldest] = this.#known.keys();
    if (this.#known.size > (this.#options.maxKeys ?? defaultMaxKeys) && oldest !== undefined)
      this.#known.delete(oldest);
    return caller;
  }

  /** Notes the use in the background. @returns the time at which it was last noted */
  #recordUse({ id }: ValidApiKey, before: KnownKey | undefined): number {
    const now = this.#now();
    if (before !== undefined && now - before.notedAt < noteIntervalMs) return before.notedAt;
    const { keys, logger } = this.#options;
    keys
      .recordUse(id)
      .catch((error: unknown) => logger.debug({ reason: errorLine(error) }, 'the use of a key was not noted'));
    return now;
  }
}

function nullIfAway(error: unknown): null {
  if (isRetryable(error)) return null;
  throw error;
}
