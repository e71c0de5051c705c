/**
 * API keys that were valid a moment ago, so that not every request asks the database. A revocation holds everywhere as soon as what was
 * read before it is too old.
 */
import { answerWithin, type ApiKeyStore, AppError, errorLine, type Logger, type ValidApiKey } from '@prosemill/core';
import type { Caller } from '../caller.ts';

export interface KnownKeysOptions {
  readonly keys: ApiKeyStore;
  readonly logger: Logger;
  /** With more in use, those asked for longest ago are asked for again sooner. */
  readonly maxKeys?: number;
  /** Milliseconds that never go back; tests bring their own. */
  readonly now?: () => number;
}

interface KnownKey {
  readonly caller: Caller;
  /** Since when the answer may be outdated: it was asked for then. */
  readonly askedAt: number;
  readonly expiresAt: number;
  /** When its use was last noted. */
  readonly notedAt: number;
}

/** A revocation holds after this; 30 s are promised. */
const maxAgeMs = 20_000;
/** Prometheus gives up after 10 s, and a database that hangs is away for longer. */
const patienceMs = 1_000;
const defaultMaxKeys = 10_000;
/** The store notes a use no more often. */
const noteIntervalMs = 3_600_000;

export class KnownKeys {
  readonly #options: KnownKeysOptions;
  readonly #now: () => number;
  /** By the hash of the secret, which tells whoever measures a look-up nothing of any secret. */
  readonly #known = new Map<string, KnownKey>();
  readonly #asking = new Map<string, Promise<Caller | null>>();
  #revocations = 0;

  constructor(options: KnownKeysOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Whether it was valid when the database was last asked for it, however long ago. */
  has(hash: string): boolean {
    return this.#known.has(hash);
  }

  /** Notes a revocation that was made here: it holds at once. */
  forget(keyId: string): void {
    // What is being asked for may have been read before.
    this.#revocations += 1;
    this.#asking.clear();
    for (const [hash, { caller }] of this.#known) if (caller.keyId === keyId) this.#known.delete(hash);
  }

  /** @returns null for a key that is not valid, whatever the reason */
  async find(hash: string): Promise<Caller | null> {
    const known = this.#known.get(hash);
    const now = this.#now();
    if (known !== undefined && now < known.expiresAt && now - known.askedAt < maxAgeMs) return known.caller;
    // Requests that come together ask once.
    const asked = this.#asking.get(hash);
    if (asked !== undefined) return await asked;
    const asking = this.#ask(hash).finally(() => this.#asking.delete(hash));
    this.#asking.set(hash, asking);
    return await asking;
  }

  /**
   * As `find`, for what is of use without a database: while that is away, a key that was valid when it last answered still is, until it
   * ends. What cannot be stored is not revoked.
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
    // The newest stand last.
    this.#known.delete(hash);
    if (key === null) return null;
    const caller = { ownerId: key.ownerId, keyId: key.id, scopes: key.scopes };
    if (revocations !== this.#revocations) return caller;
    const expiresAt = key.remainingMs === null ? Number.POSITIVE_INFINITY : askedAt + key.remainingMs;
    this.#known.set(hash, { caller, askedAt, expiresAt, notedAt: this.#noteUse(key, before) });
    const [oldest] = this.#known.keys();
    if (this.#known.size > (this.#options.maxKeys ?? defaultMaxKeys) && oldest !== undefined)
      this.#known.delete(oldest);
    return caller;
  }

  /** Nobody waits for it. @returns when it was last noted */
  #noteUse({ id }: ValidApiKey, before: KnownKey | undefined): number {
    const now = this.#now();
    if (before !== undefined && now - before.notedAt < noteIntervalMs) return before.notedAt;
    const { keys, logger } = this.#options;
    keys
      .noteUse(id)
      .catch((error: unknown) => logger.debug({ reason: errorLine(error) }, 'the use of a key was not noted'));
    return now;
  }
}

function nullIfAway(error: unknown): null {
  if (error instanceof AppError && error.kind === 'unavailable') return null;
  throw error;
}
