/** The port of the database for webhooks. Deliveries are made by the transitions of jobs that end. */
import type { Delivery, DeliveryAttempt, DeliveryOutcome, DeliveryState, OpenDeliveries } from '../webhook.ts';
import type { Cursor, Page } from './page.ts';

/** The place of a delivery under way. */
export type DeliveryPlace = Pick<Delivery, 'ownerId'> & { readonly host: string };

/** The places of one process, and the deliveries that hold some. */
export interface DeliveryPlaces {
  readonly limits: {
    /** The most deliveries under way. */
    readonly all: number;
    /** The most deliveries to one host. */
    readonly perHost: number;
    /** The most deliveries to hosts that have another one under way. */
    readonly further: number;
  };
  /** The deliveries that this process has claimed and not ended. */
  readonly underWay: readonly DeliveryPlace[];
  /** The hosts whose last attempt in this process had an answer; the one that has begun to answer last is last. */
  readonly answeringHosts: ReadonlySet<string>;
}

export interface DueQuery extends DeliveryPlaces {
  /** The time after which another process may try the same delivery. */
  readonly leaseMs: number;
  /** The most deliveries of this call. */
  readonly limit: number;
  /** Leaves out deliveries that have been due for longer. Undefined: none. */
  readonly maxDueMs?: number | undefined;
}

/** A delivery that a process tries now. The number of the attempt is its fencing token. */
export interface ClaimedDelivery extends Pick<Delivery, 'id' | 'jobId' | 'event' | 'url' | 'createdAt'>, DeliveryPlace {
  readonly attempt: number;
}

/** A delivery with its last attempts, oldest first. */
export interface LoggedDelivery extends Delivery {
  readonly log: readonly DeliveryAttempt[];
}

/** The latest entry of the log; null without one. */
export interface DeliverySummary extends Delivery {
  readonly host: string;
  readonly last: DeliveryAttempt | null;
}

/** The secrets of an owner that sign now, the newest first. */
export interface WebhookSecrets {
  readonly secrets: readonly [string, ...string[]];
  readonly createdAt: Date;
  /** The time at which the previous secret stops signing; null without one. */
  readonly previousUntil: Date | null;
}

/** Every method is one statement or one transaction. */
export interface WebhookStore {
  /** Claims deliveries that are due, the longest due first, without more than the room of each host and owner. */
  claimDue(query: DueQuery): Promise<readonly ClaimedDelivery[]>;
  /**
   * Ends an attempt, and sets the time of the next one. The log has also those that another attempt has overtaken.
   * @returns the state afterwards; null when another attempt has begun since
   */
  record(claim: Pick<ClaimedDelivery, 'id' | 'attempt'>, outcome: DeliveryOutcome): Promise<DeliveryState | null>;
  /** Lists the deliveries of a job, oldest first; empty for an unknown id and for another owner's job. */
  listOfJob(ownerId: string, jobId: string): Promise<readonly LoggedDelivery[]>;
  /** Lists the deliveries of all owners with one of these states, newest first. */
  list(query: {
    readonly states: readonly DeliveryState[] | undefined;
    readonly after: Cursor<string> | null;
    readonly limit: number;
  }): Promise<Page<DeliverySummary>>;
  /** Counts the open deliveries of all owners, up to {@link maxCountedDeliveries} of each state. */
  countOpen(): Promise<OpenDeliveries>;
  /**
   * Makes a delivery due at once, with the whole schedule of attempts before it.
   * @returns false for an unknown id, and for a delivery of another job or owner
   */
  redeliver(delivery: Pick<Delivery, 'ownerId' | 'jobId' | 'id'>): Promise<boolean>;
  /** Reads the secrets of an owner. @param fresh  Becomes the first secret of an owner without one. */
  findSecrets(ownerId: string, fresh: string): Promise<WebhookSecrets>;
  /** Makes `fresh` the secret of an owner. The one before signs for {@link secretOverlapMs} more. */
  rotateSecret(ownerId: string, fresh: string): Promise<WebhookSecrets>;
}
