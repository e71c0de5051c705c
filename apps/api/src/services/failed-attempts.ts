/**
 * Who shows keys that are not known, so that guessing costs the database little. Each client has a bucket of attempts; those whose bucket
 * is empty share a small one, so that a guesser does not lock out the valid keys behind its address.
 */
import { isIPv6 } from 'node:net';
import { bucketPerMinute, refillMs, takeTokens } from '@prosemill/core';

/** The attempts of one client. */
const clientBucket = bucketPerMinute(20);
const maxClients = 10_000;
/** The attempts of all clients whose own bucket is empty: as many as one key may read, which the database does not feel. */
const sharedBucket = { size: 100, fillMs: 1_000 };

export class FailedAttempts {
  readonly #now: () => number;
  /** When the bucket of a client will be full; whoever used it last is last. */
  readonly #fullAt = new Map<string, number>();
  #sharedFullAt = 0;

  /** @param now  Milliseconds that never go back; tests bring their own. */
  constructor(now = (): number => performance.now()) {
    this.#now = now;
  }

  /**
   * Allows an attempt: one of the client's own, or one of those that are shared. It is used up by that, before its outcome is known: many
   * at the same time are no more than one after another.
   * @returns 0; or after how many milliseconds the client should come again
   */
  admit(address: string): number {
    const client = clientOf(address);
    const now = this.#now();
    const own = takeTokens(clientBucket, { fullInMs: (this.#fullAt.get(client) ?? 0) - now, cost: 1 });
    if (own.isAllowed) {
      this.#noteFullAt(client, now + own.fullInMs);
      return 0;
    }
    const shared = takeTokens(sharedBucket, { fullInMs: this.#sharedFullAt - now, cost: 1 });
    if (!shared.isAllowed) return sharedBucket.fillMs;
    this.#sharedFullAt = now + shared.fullInMs;
    return 0;
  }

  /** An attempt was none: its key is valid. */
  takeBack(address: string): void {
    const client = clientOf(address);
    const fullAt = this.#fullAt.get(client);
    if (fullAt !== undefined) this.#fullAt.set(client, fullAt - refillMs(clientBucket));
  }

  #noteFullAt(client: string, fullAt: number): void {
    this.#fullAt.delete(client);
    this.#fullAt.set(client, fullAt);
    const [oldest] = this.#fullAt.keys();
    if (this.#fullAt.size > maxClients && oldest !== undefined) this.#fullAt.delete(oldest);
  }
}

/** Whoever has one IPv6 address has the 2⁶⁴ of its network. */
function clientOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('::');
  const first = head.split(':');
  const last = tail === undefined ? [] : tail.split(':');
  const groups =
    tail === undefined ? first : [...first, ...Array<string>(8 - first.length - last.length).fill('0'), ...last];
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group || '0', 16).toString(16))
    .join(':');
}
