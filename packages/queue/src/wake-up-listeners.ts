/** The subscribers of this process, and the text form of a wake-up for transports that need one. */
import type { WakeUp } from '@prosemill/core';

export interface WakeUpListeners {
  readonly subscribe: (listener: (wakeUp: WakeUp) => void) => () => void;
  readonly deliver: (wakeUp: WakeUp) => void;
}

export function createWakeUpListeners(): WakeUpListeners {
  const listeners = new Set<(wakeUp: WakeUp) => void>();
  return {
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    deliver(wakeUp) {
      for (const listener of listeners) listener(wakeUp);
    },
  };
}

/** Ids in one message: 37 bytes each, and a notification of Postgres holds less than 8,000 bytes. */
const idsPerMessage = 150;

export function encodeWakeUp({ type, ids }: WakeUp): readonly string[] {
  const messages: string[] = [];
  for (let start = 0; start < ids.length; start += idsPerMessage) {
    messages.push([type, ...ids.slice(start, start + idsPerMessage)].join(' '));
  }
  return messages;
}

/** @returns null for a message of another program, and for a type that only a newer version knows */
export function decodeWakeUp(message: string): WakeUp | null {
  const [type, ...ids] = message.split(' ');
  return type === 'job-changed' || type === 'job-cancel' ? { type, ids } : null;
}
