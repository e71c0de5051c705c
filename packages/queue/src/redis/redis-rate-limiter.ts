/** Buckets that all processes share, in Redis; while it is away, each process has its own. */
import { answerWithin, type RateLimiter, type RateVerdict, rateVerdict, refillMs, tokenMs } from '@prosemill/core';
import { createInProcessRateLimiter } from '../in-process/in-process-rate-limiter.ts';
import { createRefusalGate } from './refusal-gate.ts';
import type { RedisConnection } from './redis-connection.ts';
import type { RedisHealth } from './redis-health.ts';

/** The same steps as in-process-rate-limiter.ts, by the clock of Redis: nothing comes between looking and taking. */
const takeScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local full_in = math.max(0, tonumber(redis.call('GET', KEYS[1]) or '0') - now)
local afterwards = full_in + tonumber(ARGV[1])
if afterwards > tonumber(ARGV[2]) + 0.001 then return {0, string.format('%.3f', full_in)} end
redis.call('SET', KEYS[1], string.format('%.3f', now + afterwards), 'PX', math.ceil(afterwards))
return {1, string.format('%.3f', afterwards)}
`;

/** What a request waits for Redis. */
const patienceMs = 100;
/** After an answer that did not come, nobody asks for so long. */
const pauseMs = 1_000;

export interface RedisRateLimiterOptions {
  readonly prefix: string;
  readonly connection: RedisConnection;
  readonly health: RedisHealth;
}

export interface RedisRateLimiter extends RateLimiter {
  stop(): void;
}

export function createRedisRateLimiter({ prefix, connection, health }: RedisRateLimiterOptions): RedisRateLimiter {
  const { client } = connection;
  const own = createInProcessRateLimiter();
  let askFrom = Number.NEGATIVE_INFINITY;
  const gate = createRefusalGate({ part: 'rate limits', health, probe: async () => await askRedis('probe', 1) });

  async function askRedis(bucket: string, perMinute: number): Promise<RateVerdict> {
    const key = `${prefix}:rate:${bucket}`;
    const [isAllowed, fullInMs] = (await client.eval(takeScript, 1, key, tokenMs(perMinute), refillMs)) as [
      number,
      string,
    ];
    return rateVerdict(isAllowed === 1, Number(fullInMs), perMinute);
  }

  return {
    async take(bucket, perMinute) {
      if (!gate.isOpen || performance.now() < askFrom) return own.takeNow(bucket, perMinute);
      // The log and /health say that Redis is away, or refuses.
      const asked = gate.run(async () => await askRedis(bucket, perMinute)).catch(() => null);
      const verdict = await answerWithin(patienceMs, asked);
      if (verdict !== null) return verdict;
      askFrom = performance.now() + pauseMs;
      return own.takeNow(bucket, perMinute);
    },
    stop: () => gate.stop(),
  };
}
