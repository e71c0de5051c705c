/** A circuit breaker: after a refusal by Redis no command of a part is sent until a probe succeeds. */
import { type BackoffOptions, backoffMs } from '@prosemill/core';
import { isRefusal, reasonOf, type RedisHealth } from './redis-health.ts';

export interface RefusalGateOptions {
  /** The name of the part in the log. */
  readonly part: string;
  readonly health: RedisHealth;
  /** Tries a refused command harmlessly. Rejects while it does not work; `refused` may also be called meanwhile. */
  readonly probe: () => Promise<unknown>;
}

export interface RefusalGate {
  readonly isOpen: boolean;
  /** @throws the error of `send`; while the gate is shut, an error at once, without a command */
  run<Result>(send: () => Promise<Result>): Promise<Result>;
  /** Shuts the gate if the error is a refusal. */
  refused(error: unknown): void;
  /** Idempotent. */
  stop(): void;
}

/** Consumption resumes within 15 s of the end of a refusal: a probe, a new connection, and the trial of a worker. */
const probeBackoff: BackoffOptions = { baseMs: 1_000, maxMs: 5_000 };
/** A refusal that comes back sooner is the same one: its probes keep their backoff. */
const relapseMs = 60_000;

export function createRefusalGate({ part, health, probe }: RefusalGateOptions): RefusalGate {
  let reason: string | null = null;
  let probes = 0;
  let refusals = 0;
  let openedAt = Number.NEGATIVE_INFINITY;
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;

  function refused(error: unknown): void {
    if (isStopped || !isRefusal(error)) return;
    refusals += 1;
    health.lost(part, error);
    const wasOpen = reason === null;
    reason = reasonOf(error);
    if (!wasOpen) return;
    if (performance.now() - openedAt > relapseMs) probes = 0;
    probeLater();
  }

  function probeLater(): void {
    probes += 1;
    timer = setTimeout(() => void tryAgain(), backoffMs(probes, probeBackoff));
  }

  async function tryAgain(): Promise<void> {
    const before = refusals;
    try {
      await probe();
    } catch (error) {
      refused(error);
      return isStopped ? undefined : probeLater();
    }
    if (isStopped) return;
    if (refusals !== before) return probeLater();
    reason = null;
    openedAt = performance.now();
    health.restored(part);
  }

  return {
    get isOpen() {
      return reason === null;
    },
    async run(send) {
      if (reason !== null) throw new Error(`Redis is not available: ${reason}`);
      try {
        return await send();
      } catch (error) {
        refused(error);
        throw error;
      }
    },
    refused,
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
