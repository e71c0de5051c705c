/** Who has shown keys that are none, so that guessing costs the database nothing. Each client has a bucket of attempts. */
import { isIPv6 } from 'node:net';
import { refillMs, tokenMs } from '@prosemill/core';

/** A client's; its bucket fills in a minute. */
const attemptsPerMinute = 20;
const maxClients = 10_000;

export class FailedAttempts {
  readonly #now: () => number;
  /** When the bucket of a client will be full; whoever failed last is last. */
  readonly #fullAt = new Map<string, number>();

  /** @param now  Milliseconds that never go back; tests bring their own. */
  constructor(now = (): number => performance.now()) {
    this.#now = now;
  }

  /** How long the client must wait for its next attempt, milliseconds; 0: not at all. */
  waitMs(address: string): number {
    return Math.max(0, this.#fullInMs(clientOf(address)) + tokenMs(attemptsPerMinute) - refillMs);
  }

  /** Attempts at the same time may overdraw the bucket; nobody waits longer than its refill for that. */
  add(address: string): void {
    const client = clientOf(address);
    const fullInMs = Math.min(refillMs, this.#fullInMs(client) + tokenMs(attemptsPerMinute));
    this.#fullAt.delete(client);
    this.#fullAt.set(client, this.#now() + fullInMs);
    const [oldest] = this.#fullAt.keys();
    if (this.#fullAt.size > maxClients && oldest !== undefined) this.#fullAt.delete(oldest);
  }

  #fullInMs(client: string): number {
    return Math.max(0, (this.#fullAt.get(client) ?? 0) - this.#now());
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
