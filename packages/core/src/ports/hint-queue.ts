/** The port of hints, implemented by packages/queue. A hint is only a permit: its loss or repetition is harmless. */

/** A permit to claim one row, not necessarily the row that it names. */
export interface Hint {
  readonly id: string;
  readonly epoch: number;
}

export interface HintSender {
  /**
   * Sends hints, at once or never, and answers within about a second. A transport that stores hints drops one whose
   * id it already has, waiting or in use; the permit of that hint may have led to another row. A random id always
   * brings one more permit.
   * @throws when the transport is away. Then it is unknown whether the hints were sent: the reconciler makes up for it.
   */
  send(hints: readonly Hint[]): Promise<void>;
  /** Counts the hints that no receiver has taken yet; null for a transport that stores none. */
  countWaiting(): Promise<number | null>;
}

/**
 * The result of a permit.
 * - `done`: a job was claimed, and it has ended.
 * - `returned`: a job was claimed, and it may be claimable again.
 * - `nothing`: the database answered that no row is claimable.
 * - `unused`: it is unknown whether a row is claimable.
 */
export type PermitResult = 'done' | 'returned' | 'nothing' | 'unused';

export interface ReceiveOptions {
  /** The most handlers at once. */
  readonly concurrency: number;
  /** A transport that stores hints takes one back from a worker that is silent for this long. */
  readonly leaseMs: number;
  /** Runs one permit: claims a row and runs its job. Never throws. */
  readonly onPermit: () => Promise<PermitResult>;
  /** Called only while hints cannot reach this process: the receiver then looks for rows itself. */
  readonly countClaimable: () => Promise<number>;
}

/** The receiving side, one in each worker. */
export interface HintReceiver {
  start(options: ReceiveOptions): Promise<void>;
  /** Takes no more hints; resolves when no handler will be called any more. Running handlers go on. Idempotent. */
  pause(): Promise<void>;
  /** Waits for running handlers (`pause` comes first), then closes. Idempotent. */
  stop(): Promise<void>;
}
