/** The pause of the queue as administrators see it. */
import type { Pauser, QueuePause } from '@prosemill/core';
import type { QueueBody } from './routes/queue.ts';

/** @param pause  Null unless the queue is paused. */
export const presentQueue = (pause: QueuePause | null): QueueBody => ({
  paused: pause !== null,
  paused_at: pause?.pausedAt.toISOString() ?? null,
  paused_by: presentPauser(pause?.pausedBy ?? null),
});

const presentPauser = (pauser: Pauser | null): QueueBody['paused_by'] =>
  pauser && { owner: pauser.ownerId, key: pauser.key };
