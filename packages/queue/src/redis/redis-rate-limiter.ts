/** Token buckets that all processes share, in Redis; while it is away, each process has its own. */
import {
  answerWithin,
  bucketPerMinute,
  type RateLimiter,
  type RateVerdict,
  rateVerdict,
  refillMs,
  type TakeRequest,
} from '@prosemill/core';
import { createInProcessRateLimiter } from '../in-process/in-process-rate-limiter.ts';
import { createRefusalGate } from './refusal-gate.ts';
import type { SharedConnection } from './redis-connection.ts';

/** The steps of core's token-bucket.ts, atomic and by Redis's clock. ARGV: refill time of the cost, of the bucket. */
const takeScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local full_in = math.max(0, tonumber(redis.call('GET', KEYS[1]) or '0') - now)
local afterwards = math.max(0, full_in + tonumber(ARGV[1]))
if afterwards > tonumber(ARGV[2]) + 0.001 then return {0, string.format('%.3f', full_in)} end
redis.call('SET', KEYS[1], string.format('%.3f', now + afterwards), 'PX', math.max(1, math.ceil(afterwards)))
return {1, string.format('%.3f', afterwards)}
`;

/** The longest wait of a request for Redis. */
const patienceMs = 100;
/** Redis is not asked for this long after a missing answer. */
const pauseMs = 1_000;

export interface RedisRateLimiter extends RateLimiter {
  stop(): void;
}

export function createRedisRateLimiter({ prefix, connection, health }: SharedConnection): RedisRateLimiter {
  const { client } = connection;
  const own = createInProcessRateLimiter();
  let askFrom = Number.NEGATIVE_INFINITY;
  const gate = createRefusalGate({
    part: 'rate limits',
    health,
    probe: async () => await askRedis({ bucket: 'probe', perMinute: 1 }),
  });

  async function askRedis({ bucket: name, perMinute, cost = 1 }: TakeRequest): Promise<RateVerdict> {
    const bucket = bucketPerMinute(perMinute);
    const times = [refillMs(bucket, cost), bucket.fillMs];
    const answer = await client.eval(takeScript, 1, `${prefix}:rate:${name}`, ...times);
    const [isAllowed, fullInMs] = answer as [number, string];
    return rateVerdict(bucket, isAllowed === 1, { fullInMs: Number(fullInMs), cost });
  }

  return {
    async take(request) {
      if (!gate.isOpen || performance.now() < askFrom) return own.takeNow(request);
      // The gate reports errors to the log and to /health.
      const asked = gate.run(async () => await askRedis(request)).catch(() => null);
      const verdict = await answerWithin(patienceMs, asked);
      if (verdict !== null) return verdict;
      askFrom = performance.now() + pauseMs;
      return own.takeNow(request);
    },
    stop: () => gate.stop(),
  };
}
