/** Many slow clients, some that flood the service, and their effect on others. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { percentile } from '../faults/fault-test.ts';
import { patience } from '../faults/until.ts';
import { type AttackedService, type FloodRequest, launchAttacked, startFlood, submit } from './attacked-service.ts';
import { startSlowClients } from './slow-clients.ts';

const slowConnections = 2_000;
const honestKeys = 10;
/** Longer than the server waits for headers, so that slow clients are disconnected and come again. */
const attackMs = 20_000;
/** Small, so that two cores can produce a flood of ten times as much. */
const submitsPerMinute = 120;
/** The promise: 99 of 100 reads take less. */
const readLimitMs = 1_000;
/** Node's heap limit on a machine with 512 MB, which the process has to fit into. */
const heapMegabytes = 256;
const maxMemoryBytes = 2 * heapMegabytes * 1_024 * 1_024;

/** A person reads one answer before the next request. */
const thinkMs = 50;
const sampleMs = 250;

const submitWith = (authorization: string): FloodRequest => ({
  path: '/jobs',
  method: 'POST',
  headers: { 'Content-Type': 'application/json', Authorization: authorization },
  body: JSON.stringify({ prompt: 'Once upon a time', max_new_tokens: 1 }),
});
/** Requests of clients without a key, to open and to protected routes. */
const strangersRequests = ['/health', '/readyz', '/openapi.json', '/jobs'].map((path): FloodRequest => ({
  path,
  method: 'GET',
  headers: {},
}));

interface Honest {
  readonly readMs: readonly number[];
  readonly accepted: number;
}

it('beside 2,000 slow connections, a flood of jobs and a flood without a key, reads of honest keys are fast, the API fits into its memory, and each accepted job ends', async () => {
  const service = await launchAttacked({
    WORKERS: '32',
    RATE_LIMIT_PER_MINUTE: String(submitsPerMinute),
    NODE_OPTIONS: `--max-old-space-size=${heapMegabytes}`,
  });
  const { url } = service;
  const honest = await createKeys(service, 'honest', honestKeys);
  // The rate limit must admit the requests with slow bodies, so several keys share them.
  const slow = await createKeys(service, 'slow', 5);
  const [abusive = ''] = await createKeys(service, 'abusive', 1);
  const slowClients = startSlowClients({
    url,
    connectionsEach: slowConnections / 4,
    authorization: (index) => slow[index % slow.length] ?? '',
  });
  onTestFinished(() => slowClients.stop());
  await expect.poll(() => slowClients.count()).toBeGreaterThan(0.9 * slowConnections);
  const stopFlood = startFlood(url, [submitWith(abusive)], 32);
  const stopStrangers = startFlood(url, strangersRequests, 8);
  const watching = new AbortController();
  onTestFinished(() => watching.abort());
  const memory = watchMemory(service, watching.signal);
  const end = performance.now() + attackMs;
  const clients = await Promise.all(honest.map(async (key) => await useHonestly(url, key, end)));
  watching.abort();
  const mostMemory = await memory;
  const { 202: acceptedFlood = 0, 429: refused = 0, ...others } = await stopFlood();
  const { 200: answered = 0, 401: unauthorized = 0, ...unexpected } = await stopStrangers();
  const reopened = slowClients.closed();
  slowClients.stop();

  expect([others, unexpected]).toEqual([{}, {}]);
  expect(Math.min(answered, unauthorized)).toBeGreaterThan(100);
  expect(refused + acceptedFlood).toBeGreaterThan(10 * acceptedFlood);
  expect(reopened).toBeGreaterThan(slowConnections / 4);
  const readMs = clients.flatMap((client) => client.readMs);
  expect(percentile(readMs, 0.99)).toBeLessThan(patience * readLimitMs);
  expect(mostMemory).toBeLessThan(maxMemoryBytes);
  const accepted = acceptedFlood + clients.reduce((sum, client) => sum + client.accepted, 0);
  const endings = async () => await service.execute('select status, count(*)::int as jobs from jobs group by status');
  await expect.poll(endings).toEqual([{ status: 'succeeded', jobs: accepted }]);
});

const createKeys = async (service: AttackedService, name: string, count: number): Promise<readonly string[]> =>
  await Promise.all(Array.from({ length: count }, async (_, index) => await service.createKey(`${name}-${index}`)));

/** Submits now and then, and reads the results. */
async function useHonestly(url: string, authorization: string, end: number): Promise<Honest> {
  const readMs: number[] = [];
  let accepted = 0;
  while (performance.now() < end) {
    const { status, id } = await submit(url, authorization);
    expect(status).toBe(202);
    accepted += 1;
    for (const path of [`/jobs/${id}`, '/jobs', '/history', `/jobs/${id}`]) {
      const begin = performance.now();
      const response = await fetch(url + path, { headers: { Authorization: authorization } });
      await response.arrayBuffer();
      readMs.push(performance.now() - begin);
      expect(response.status).toBe(200);
      await delay(thinkMs);
    }
  }
  return { readMs, accepted };
}

/** @returns the largest memory of the API */
async function watchMemory({ administrate }: AttackedService, signal: AbortSignal): Promise<number> {
  let most = 0;
  while (!signal.aborted) {
    const { body } = await administrate<string>('/metrics');
    const [, bytes] = /^process_resident_memory_bytes (\S+)$/m.exec(body) ?? [];
    most = Math.max(most, Number(bytes));
    await delay(sampleMs);
  }
  return most;
}
