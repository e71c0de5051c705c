/** Wake-ups over one pub/sub channel. */
import type { Logger, WakeUps } from '@prosemill/core';
import { createWakeUpListeners, decodeWakeUp, encodeWakeUp } from '../wake-up-listeners.ts';
import { connectRedis, patientOptions, type RedisConnection } from './redis-connection.ts';

export interface RedisWakeUpOptions {
  readonly url: string;
  readonly prefix: string;
  readonly logger: Logger;
}

/** @param publisher  The fail-fast connection of the sender. */
export function createRedisWakeUps({ url, prefix, logger }: RedisWakeUpOptions, publisher: RedisConnection): WakeUps {
  const channel = `${prefix}:wake-ups`;
  const { subscribe, deliver } = createWakeUpListeners();
  let subscriber: RedisConnection | null = null;
  return {
    async start() {
      subscriber = connectRedis(url, { ...patientOptions, autoResubscribe: true }, 'Redis (wake-ups)', logger);
      subscriber.client.on('message', (_channel, message) => {
        const wakeUp = decodeWakeUp(message);
        if (wakeUp !== null) deliver(wakeUp);
      });
      // Queued until the connection stands, repeated by ioredis whenever it stands again.
      subscriber.client.subscribe(channel).catch(() => undefined);
    },
    publish(wakeUp) {
      for (const message of encodeWakeUp(wakeUp)) publisher.client.publish(channel, message).catch(() => undefined);
    },
    subscribe,
    isDeaf: () => false,
    async stop() {
      subscriber?.disconnect();
    },
  };
}
