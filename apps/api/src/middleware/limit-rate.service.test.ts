import { setTimeout } from 'node:timers/promises';
import { closedPolicy, problemMediaType, type Rate } from '@prosemill/contract';
import { newId, type RateLimiter, scopes } from '@prosemill/core';
import { createQueue } from '@prosemill/queue';
import { launchRedis, silentLogger } from '@prosemill/testkit';
import { Hono } from 'hono';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import type { ApiEnv } from '../api-env.ts';
import { onError } from '../on-error.ts';
import { createKey } from '../auth/create-key.ts';
import { openTestApi } from '../test-api.ts';
import { limitRate } from './limit-rate.ts';

type Send = (rate: Rate, keyId: string | null, cost?: number, more?: number) => Promise<Response>;

/** One process of an API. Its callers name their key, the rate and cost of their route, and tokens of its handler. */
function openProcess(rateLimiter: RateLimiter, submitsPerMinute: number): Send {
  const app = new Hono<ApiEnv>();
  app.use(async (c, next) => {
    c.set('requestId', newId());
    c.set('logger', silentLogger);
    const rate = c.req.path === '/submit' ? 'submit' : 'read';
    c.set('policy', { ...closedPolicy('GET', '/'), rate, cost: Number(c.req.header('Cost')) });
    c.set('caller', { ownerId: 'owner', keyId: c.req.header('Key') ?? null, scopes, key: null });
    await next();
  });
  app.use(limitRate({ rateLimiter, submitsPerMinute }));
  app.all('*', async (c) => {
    const more = Number(c.req.header('More'));
    if (more > 0) await c.var.takeTokens(more);
    return c.text('done');
  });
  app.onError(onError);
  return async (rate, keyId, cost = 1, more = 0) => {
    const key = keyId === null ? {} : { Key: keyId };
    return await app.request(`/${rate}`, { headers: { Cost: String(cost), More: String(more), ...key } });
  };
}

async function openLimiter(redisUrl?: string): Promise<RateLimiter> {
  const queue = createQueue({ databaseUrl: 'sqlite:', redisUrl, logger: silentLogger });
  onTestFinished(async () => await queue.stop());
  await expect.poll(queue.problems).toEqual([]);
  return queue.rateLimiter;
}

const times = async (count: number, send: () => Promise<Response>): Promise<readonly number[]> =>
  (await Promise.all(Array.from({ length: count }, send))).map(({ status }) => status);

describe.each([
  ['in one process', () => undefined],
  ['on Redis', () => inject('redisUrl')],
])('rate limits of keys %s', (_name, redisUrl) => {
  it('refuse a submit beyond the limit, with the time of a retry', async () => {
    const send = openProcess(await openLimiter(redisUrl()), 2);
    const key = newId();
    const first = await send('submit', key);
    expect([first.status, first.headers.get('RateLimit-Policy'), first.headers.get('RateLimit')]).toEqual([
      200,
      '"submit";q=2;w=60',
      '"submit";r=1;t=30',
    ]);
    await send('submit', key);
    const refused = await send('submit', key);
    expect(refused.status).toBe(429);
    expect(refused.headers.get('Content-Type')).toBe(problemMediaType);
    expect(await refused.json()).toMatchObject({ code: 'rate_limited', status: 429, title: 'Too many requests' });
    expect(Object.fromEntries(refused.headers)).toMatchObject({
      ratelimit: expect.stringMatching(/^"submit";r=0;t=(5\d|60)$/) as unknown,
      'ratelimit-policy': '"submit";q=2;w=60',
      'x-should-retry': 'true',
    });
    const waitMs = Number(refused.headers.get('retry-after-ms'));
    expect(waitMs).toBeGreaterThan(25_000);
    expect(waitMs).toBeLessThanOrEqual(30_000);
    expect(refused.headers.get('Retry-After')).toBe(String(Math.ceil(waitMs / 1_000)));
  });

  it('count a request as many times as its route costs', async () => {
    const send = openProcess(await openLimiter(redisUrl()), 4);
    const key = newId();
    const answers = [await send('submit', key, 3), await send('submit', key, 2), await send('submit', key)];
    expect(answers.map(({ status }) => status)).toEqual([200, 429, 200]);
    expect(answers[1]?.headers.get('RateLimit')).toMatch(/^"submit";r=1;/);
  });

  it('admit a request whose handler takes more tokens at the told time, and charge a refused one nothing', async () => {
    const send = openProcess(await openLimiter(redisUrl()), 600);
    const key = newId();
    await send('submit', key, 595);
    const refused = await send('submit', key, 2, 18);
    expect(refused.status).toBe(429);
    expect(refused.headers.get('RateLimit')).toMatch(/^"submit";r=([5-9]|1\d);/);
    const waitMs = Number(refused.headers.get('retry-after-ms'));
    expect(waitMs).toBeLessThanOrEqual(1_500);
    // A timer may be a millisecond early.
    await setTimeout(waitMs + 1);
    expect((await send('submit', key, 2, 18)).status).toBe(200);
  });

  it('refuse for good, at no cost, a request that costs more than the whole bucket of its key', async () => {
    const send = openProcess(await openLimiter(redisUrl()), 2);
    const key = newId();
    for (const refused of [await send('submit', key, 3), await send('submit', key, 1, 2)]) {
      expect([refused.status, refused.headers.get('x-should-retry')]).toEqual([422, 'false']);
      expect(await refused.json()).toMatchObject({
        code: 'invalid_request',
        detail: 'This key may submit 2 times a minute. This request counts as 3 of them, and can never be admitted.',
      });
    }
    expect((await send('submit', key, 2)).status).toBe(200);
  });

  it('give each key buckets of its own, and ten times as many reads as submits', async () => {
    const send = openProcess(await openLimiter(redisUrl()), 1);
    const [one, other] = [newId(), newId()];
    expect(await times(2, async () => await send('submit', one))).toEqual(expect.arrayContaining([200, 429]));
    expect(await times(1, async () => await send('submit', other))).toEqual([200]);
    const reads = await times(12, async () => await send('read', one));
    expect(reads.filter((status) => status === 200)).toHaveLength(10);
    expect((await send('read', one)).headers.get('RateLimit-Policy')).toBe('"read";q=10;w=60');
  });

  it('do not limit callers without a key, or a service without limits', async () => {
    const limiter = await openLimiter(redisUrl());
    for (const [send, key] of [
      [openProcess(limiter, 1), null],
      [openProcess(limiter, 0), newId()],
    ] as const) {
      expect(await times(3, async () => await send('submit', key))).toEqual([200, 200, 200]);
      expect((await send('read', key)).headers.has('RateLimit')).toBe(false);
    }
  });
});

it('rate limits on Redis are the same in every process', async () => {
  const limiters = [await openLimiter(inject('redisUrl')), await openLimiter(inject('redisUrl'))];
  const processes = limiters.map((limiter) => openProcess(limiter, 10));
  const key = newId();
  const statuses = await Promise.all(
    processes.map(async (send) => await times(10, async () => await send('submit', key))),
  );
  expect(statuses.flat().filter((status) => status === 200)).toHaveLength(10);
});

it.each(['frozen', 'gone'] as const)(
  'while Redis is %s, every request that the limit allows is admitted',
  async (how) => {
    const server = await launchRedis();
    onTestFinished(async () => await server.stop());
    const send = openProcess(await openLimiter(server.url), 20);
    const key = newId();
    expect((await send('submit', key)).status).toBe(200);
    if (how === 'frozen') server.freeze();
    else await server.crash();
    expect(await times(25, async () => await send('submit', key))).toEqual([
      ...Array.from({ length: 20 }, () => 200),
      ...Array.from({ length: 5 }, () => 429),
    ]);
  },
);

describe('an API', () => {
  const post = { method: 'POST', body: '{"prompt":"a"}' };

  it('limits each key, and open routes not at all', async () => {
    const opened = await openTestApi({ submitsPerMinute: 1, access: { auth: 'keys', adminKey: null } });
    onTestFinished(async () => await opened.close());
    const { secret } = await createKey(opened.store.apiKeys, {
      owner: 'owner',
      name: 'key',
      scopes: ['generate', 'read'],
    });
    const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${secret}` };
    const send = async (path: string, init = {}) => await opened.api.app.request(path, { headers, ...init });
    expect((await send('/jobs', post)).status).toBe(202);
    const refused = await send('/generate', post);
    expect([refused.status, refused.headers.get('RateLimit-Policy')]).toEqual([429, '"submit";q=1;w=60']);
    expect((await send('/jobs')).headers.get('RateLimit-Policy')).toBe('"read";q=10;w=60');
    const canceled = await send('/jobs/x/cancel', { method: 'POST' });
    expect([canceled.status, canceled.headers.get('RateLimit-Policy')]).toEqual([404, '"read";q=10;w=60']);
    expect((await send('/health')).headers.has('RateLimit')).toBe(false);
  });

  it('counts the requests that lack a scope too', async () => {
    const opened = await openTestApi({ submitsPerMinute: 1, access: { auth: 'keys', adminKey: null } });
    onTestFinished(async () => await opened.close());
    const { secret } = await createKey(opened.store.apiKeys, { owner: 'owner', name: 'key', scopes: ['read'] });
    const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${secret}` };
    const send = async () => await opened.api.app.request('/jobs', { headers, ...post });
    const forbidden = await send();
    expect([forbidden.status, forbidden.headers.get('RateLimit')]).toEqual([403, '"submit";r=0;t=60']);
    expect((await send()).status).toBe(429);
  });

  it('has no limits without keys', async () => {
    const opened = await openTestApi({ submitsPerMinute: 1 });
    onTestFinished(async () => await opened.close());
    const headers = { 'Content-Type': 'application/json' };
    for (let request = 0; request < 3; request += 1) {
      const response = await opened.api.app.request('/jobs', { headers, ...post });
      expect([response.status, response.headers.has('RateLimit')]).toEqual([202, false]);
    }
  });
});
