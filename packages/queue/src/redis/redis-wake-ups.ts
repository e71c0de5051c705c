/** Wake-ups over one pub/sub channel. */
import type { WakeUps } from '@prosemill/core';
import { createWakeUpListeners, encodeWakeUp } from '../wake-up-listeners.ts';
import { createRefusalGate } from './refusal-gate.ts';
import { connectRedis, patientOptions, type RedisConnection } from './redis-connection.ts';
import type { RedisHealth } from './redis-health.ts';

export interface RedisWakeUpOptions {
  readonly url: string;
  readonly prefix: string;
  /** The sender's connection, which fails fast. */
  readonly publisher: RedisConnection;
  readonly health: RedisHealth;
}

export interface RedisWakeUps extends WakeUps {
  stop(): void;
}

export function createRedisWakeUps({ url, prefix, publisher, health }: RedisWakeUpOptions): RedisWakeUps {
  const channel = `${prefix}:wake-ups`;
  const { subscribe, receive } = createWakeUpListeners();
  let subscriber: RedisConnection | null = null;
  // The probe is an empty message, which subscribers ignore.
  const publishing = createRefusalGate({
    part: 'published wake-ups',
    health,
    probe: async () => await publisher.client.publish(channel, ''),
  });
  const subscribing = createRefusalGate({
    part: 'wake-ups',
    health,
    probe: async () => await subscriber?.client.subscribe(channel),
  });

  return {
    async start() {
      const connection = connectRedis({ url, options: patientOptions, part: 'wake-ups connection', health });
      connection.client.on('message', (_channel, message) => receive(message));
      // After each reconnect: the server, or its rights, may have changed.
      connection.client.on('ready', () => {
        subscribing.run(async () => await connection.client.subscribe(channel)).catch(() => undefined);
      });
      subscriber = connection;
    },
    publish(wakeUp) {
      for (const message of encodeWakeUp(wakeUp)) {
        publishing.run(async () => await publisher.client.publish(channel, message)).catch(() => undefined);
      }
    },
    subscribe,
    isDeaf: () => !publishing.isOpen || !subscribing.isOpen,
    stop() {
      publishing.stop();
      subscribing.stop();
      subscriber?.disconnect();
    },
  };
}
