/** The subscribers of this process, and the text form of a wake-up for transports that need one. */
import { type WakeUp, type WakeUpType, wakeUpTypes } from '@prosemill/core';

type Listener = (wakeUp: WakeUp) => void;

export function createWakeUpListeners() {
  const listeners = new Set<Listener>();
  const deliver = (wakeUp: WakeUp): void => listeners.forEach((listener) => listener(wakeUp));
  return {
    subscribe: (listener: Listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    deliver,
    /** Delivers a message of {@link encodeWakeUp}; ignores messages of other programs and types of newer versions. */
    receive: (message: string): void => {
      const [type, ...ids] = message.split(' ');
      if (isWakeUpType(type)) deliver({ type, ids });
    },
  };
}

const isWakeUpType = (type: string | undefined): type is WakeUpType =>
  (wakeUpTypes as readonly (string | undefined)[]).includes(type);

/** Ids in one message: 37 bytes each, and a notification of Postgres holds less than 8,000 bytes. */
const idsPerMessage = 150;

export function encodeWakeUp({ type, ids }: WakeUp): readonly string[] {
  const messages: string[] = [];
  for (let start = 0; start < ids.length; start += idsPerMessage) {
    messages.push([type, ...ids.slice(start, start + idsPerMessage)].join(' '));
  }
  return messages;
}
