/** The port of the hints. A hint is only a permit: losing, repeating or reordering one is harmless. Implemented by packages/queue. */

/** A permit to claim one row, not necessarily the row that it names. */
export interface Hint {
  readonly id: string;
  readonly epoch: number;
}

/** The sending side. */
export interface HintSender {
  /**
   * Sends hints; at once or never, within about a second. A hint that is here already, waiting or in use, is not added again: its permit may have
   * led to another row, so an id of no row makes a permit of its own.
   * @throws when the transport is away. That means "unknown", never "not sent": the reconciler makes up for it.
   */
  send(hints: readonly Hint[]): Promise<void>;
  /**
   * Hints that nobody has taken yet; null when the transport keeps none: a notification is heard or lost.
   */
  countWaiting(): Promise<number | null>;
}

/**
 * Runs one permit: claims a row and works it off.
 * @returns false when there was nothing to claim
 */
export type PermitHandler = () => Promise<boolean>;

export interface ReceiveOptions {
  /** Handlers at once. */
  readonly concurrency: number;
  /** How long a transport that keeps hints leaves one with a worker that does not say anything. */
  readonly leaseMs: number;
  readonly onPermit: PermitHandler;
}

/** The taking side, one a worker. */
export interface HintReceiver {
  /** Starts taking. A handler never throws. */
  start(options: ReceiveOptions): Promise<void>;
  /**
   * Looks for work while hints cannot reach this process: permits for as many rows as are claimable, up to all there are. To be called often.
   * @returns false where hints come: then nothing is counted
   */
  poll(countClaimable: () => Promise<number>): Promise<boolean>;
  /** Stops taking; resolves when no handler will be called any more. Running handlers go on. Idempotent. */
  pause(): Promise<void>;
  /** Waits for running handlers (`pause` comes first), then closes. Idempotent. */
  stop(): Promise<void>;
}
