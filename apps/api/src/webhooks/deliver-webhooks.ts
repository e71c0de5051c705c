/** Delivers the messages of ended jobs, which wait in the database. Every API process takes part. */
import { presentEvent, presentPurgedEvent, type WebhookMessage } from '@prosemill/contract';
import {
  type ClaimedDelivery,
  type DeliveryOutcome,
  errorLine,
  every,
  type Logger,
  type Loop,
  newId,
  type Service,
  type Store,
} from '@prosemill/core';
import type { SendMessage } from './send-message.ts';
import { createWebhookSecret, signMessage } from './sign-message.ts';

export interface WebhookOptions {
  readonly store: Pick<Store, 'jobs' | 'webhooks'>;
  readonly send: SendMessage;
  readonly basePath: string;
  readonly version: string;
  /** Counts attempts that have ended. */
  readonly countAttempt: (result: 'delivered' | 'failed') => void;
  readonly logger: Logger;
}

/** A process looks for due deliveries this often. */
const intervalMs = 1_000;
/** Twice as long as an attempt may take. */
const leaseMs = 30_000;
/** At once in a process, for all hosts, for one host, and for one owner. */
const limits = { limit: 64, perHost: 8, perOwner: 32 } as const;

export class DeliverWebhooks implements Service {
  readonly #options: WebhookOptions;
  readonly #loop: Loop;
  readonly #stopped = new AbortController();
  readonly #underWay = new Map<string, ClaimedDelivery>();

  constructor(options: WebhookOptions) {
    this.#options = options;
    const onError = (error: unknown): void =>
      options.logger.debug({ reason: errorLine(error) }, 'due webhooks were not read; the next round does it');
    this.#loop = every({ intervalMs, jitter: 0.2, step: async () => await this.#claim(), onError });
  }

  start(): void {
    this.#loop.start();
  }

  /** Cuts off the attempts under way. Their leases run out, and another process repeats them. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#loop.stop();
  }

  /** Attempts under way. */
  get count(): number {
    return this.#underWay.size;
  }

  /** Sends a message that no job has made. @returns its id and the end of the attempt; null when the process stops */
  async test(ownerId: string, url: string): Promise<{ readonly id: string; readonly outcome: DeliveryOutcome | null }> {
    const id = newId();
    const message = { type: 'webhook.test', timestamp: new Date().toISOString(), data: {} } as const;
    return { id, outcome: await this.#send({ id, ownerId, url }, message) };
  }

  async #claim(): Promise<void> {
    while (!this.#stopped.signal.aborted && this.#underWay.size < limits.limit) {
      const limit = limits.limit - this.#underWay.size;
      const underWay = [...this.#underWay.values()];
      const claimed = await this.#options.store.webhooks.claimDue({ ...limits, limit, leaseMs, underWay });
      if (claimed.length === 0) return;
      for (const delivery of claimed) {
        this.#underWay.set(delivery.id, delivery);
        void this.#deliver(delivery);
      }
    }
  }

  /** Never rejects. An attempt whose end cannot be stored is repeated when its lease has run out. */
  async #deliver(delivery: ClaimedDelivery): Promise<void> {
    const { logger, store, countAttempt } = this.#options;
    try {
      const outcome = await this.#send(delivery, await this.#messageOf(delivery));
      if (outcome === null) return;
      countAttempt(outcome.error === null ? 'delivered' : 'failed');
      await store.webhooks.record(delivery, outcome);
    } catch (error) {
      logger.debug({ jobId: delivery.jobId, reason: errorLine(error) }, 'the end of a delivery was not stored');
    } finally {
      const wasFull = this.#isFull(delivery);
      this.#underWay.delete(delivery.id);
      if (wasFull) this.#loop.wake();
    }
  }

  /** Whether deliveries may wait for the end of this one. */
  #isFull({ host, ownerId }: ClaimedDelivery): boolean {
    const places = [...this.#underWay.values()];
    return (
      places.length >= limits.limit ||
      places.filter((place) => place.host === host).length >= limits.perHost ||
      places.filter((place) => place.ownerId === ownerId).length >= limits.perOwner
    );
  }

  /** Made when it is sent, so that no text waits outside its job. */
  async #messageOf(delivery: ClaimedDelivery): Promise<WebhookMessage> {
    const { store, basePath } = this.#options;
    const job = await store.jobs.find(delivery.ownerId, delivery.jobId);
    const isPurged = job === null || job.purgedAt !== null;
    return isPurged ? presentPurgedEvent(delivery, delivery.event) : presentEvent(job, delivery.event, basePath);
  }

  async #send(
    { id, ownerId, url }: Pick<ClaimedDelivery, 'id' | 'ownerId' | 'url'>,
    message: WebhookMessage,
  ): Promise<DeliveryOutcome | null> {
    const { store, send, version } = this.#options;
    const { secrets } = await store.webhooks.findSecrets(ownerId, createWebhookSecret());
    const body = JSON.stringify(message);
    const signature = signMessage({ id, timestamp: Math.floor(Date.now() / 1_000), body }, secrets);
    const headers = {
      'Content-Type': 'application/json',
      'Content-Length': String(Buffer.byteLength(body)),
      'User-Agent': `Prosemill/${version}`,
      ...signature,
    };
    return await send({ url, headers, body, signal: this.#stopped.signal });
  }
}
