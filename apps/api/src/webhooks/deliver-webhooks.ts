/** Delivers the messages of ended jobs, which wait in the database. Every API process takes part. */
import { presentEvent, presentPurgedEvent, type WebhookMessage } from '@prosemill/contract';
import {
  AppError,
  type ClaimedDelivery,
  type DeliveryOutcome,
  type DeliveryPlace,
  type DeliveryPlaces,
  errorLine,
  every,
  hasRoom,
  type Logger,
  type Loop,
  newId,
  type Service,
  type Store,
} from '@prosemill/core';
import { DueWindow, fullNames } from './due-window.ts';
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
/** An attempt waits for its receiver, and costs little meanwhile. So there are places for many dead hosts. */
const limits = { all: 256, perHost: 8, further: 32 } as const;
/** The most deliveries that are read at once. */
const maxClaimed = 64;
/** More than there are places. The host that has answered for the longest time is forgotten first. */
const maxAnsweringHosts = 1_000;

export class DeliverWebhooks implements Service {
  readonly #options: WebhookOptions;
  readonly #loop: Loop;
  readonly #stopped = new AbortController();
  readonly #dueWindow = new DueWindow();
  /** By the id of the message. */
  readonly #underWay = new Map<string, DeliveryPlace>();
  /** Those whose last attempt had an answer. */
  readonly #answeringHosts = new Set<string>();

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

  /**
   * Sends a message that no job has made. It needs a place like any other attempt.
   * @returns its id and the end of the attempt; null when the process stops
   * @throws {AppError} `rate_limited` when there is no place
   */
  async test(ownerId: string, url: string): Promise<{ readonly id: string; readonly outcome: DeliveryOutcome | null }> {
    const [id, place] = [newId(), { ownerId, host: new URL(url).host }];
    if (!hasRoom(place, this.#places)) {
      throw new AppError('rate_limited', {
        message: 'Too many attempts to send webhooks are under way. Try again when they have ended.',
        details: { retryAfterMs: intervalMs },
      });
    }
    this.#underWay.set(id, place);
    let outcome: DeliveryOutcome | null = null;
    try {
      const message = { type: 'webhook.test', timestamp: new Date().toISOString(), data: {} } as const;
      outcome = await this.#send({ id, ownerId, url }, message);
      return { id, outcome };
    } finally {
      this.#leave({ id, ...place }, outcome);
    }
  }

  async #claim(): Promise<void> {
    while (!this.#stopped.signal.aborted && this.#underWay.size < limits.all) {
      const limit = Math.min(limits.all - this.#underWay.size, maxClaimed);
      const places = this.#places;
      const look = { at: performance.now(), full: fullNames(places) };
      const maxDueMs = this.#dueWindow.maxDueMs(look);
      const claimed = await this.#options.store.webhooks.claimDue({ ...places, limit, leaseMs, maxDueMs });
      if (claimed.length === 0) {
        if (maxDueMs === undefined) this.#dueWindow.noteEmpty(look);
        return;
      }
      for (const delivery of claimed) {
        this.#underWay.set(delivery.id, delivery);
        void this.#deliver(delivery);
      }
    }
  }

  /** Never rejects. An attempt whose end cannot be stored is repeated when its lease has run out. */
  async #deliver(delivery: ClaimedDelivery): Promise<void> {
    const { logger, store, countAttempt } = this.#options;
    let outcome: DeliveryOutcome | null = null;
    try {
      outcome = await this.#send(delivery, await this.#messageOf(delivery));
      if (outcome === null) return;
      countAttempt(outcome.error === null ? 'delivered' : 'failed');
      await store.webhooks.record(delivery, outcome);
    } catch (error) {
      logger.debug({ jobId: delivery.jobId, reason: errorLine(error) }, 'the end of a delivery was not stored');
    } finally {
      this.#leave(delivery, outcome);
    }
  }

  /** Deliveries may wait for this place. */
  #leave({ id, ...place }: DeliveryPlace & { readonly id: string }, outcome: DeliveryOutcome | null): void {
    const wasFull = !hasRoom(place, this.#places);
    this.#underWay.delete(id);
    if (outcome !== null) this.#noteAnswer(place.host, outcome);
    if (wasFull) this.#loop.wake();
  }

  /** A copy, which stays as it is while the database looks for deliveries. */
  get #places(): DeliveryPlaces {
    return { limits, underWay: [...this.#underWay.values()], answeringHosts: new Set(this.#answeringHosts) };
  }

  #noteAnswer(host: string, { statusCode }: DeliveryOutcome): void {
    if (statusCode === null) this.#answeringHosts.delete(host);
    else this.#answeringHosts.add(host);
    const [longest] = this.#answeringHosts;
    if (longest !== undefined && this.#answeringHosts.size > maxAnsweringHosts) this.#answeringHosts.delete(longest);
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
