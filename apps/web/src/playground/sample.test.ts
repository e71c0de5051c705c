import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { JobListener, Live } from '../live.ts';
import { endedJob, testJob } from '../test-job.ts';
import { Playground } from './playground.ts';
import { parsePlace, place } from '../router.ts';
import { requestsOf } from './variety.ts';

type Handler = (path: string, init: RequestInit) => Response | Promise<Response>;

const json = (body: object, status = 200): Response =>
  new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } });
const problem = (code: string, status: number, retryAfterMs: number | null): Response =>
  new Response(JSON.stringify({ code, status, detail: '', errors: [], request_id: 'r1' }), {
    status,
    headers: {
      'Content-Type': 'application/problem+json',
      'x-should-retry': String(retryAfterMs !== null),
      'retry-after-ms': String(retryAfterMs ?? 0),
    },
  });

class FakeStorage extends Map<string, string> {
  getItem = (name: string): string | null => this.get(name) ?? null;
  setItem = (name: string, value: string): unknown => this.set(name, value);
  removeItem = (name: string): unknown => this.delete(name);
}

const body = { prompt: 'Once upon a time', max_new_tokens: 48 };
const idOf = (number: number): string => `id-${number}`;
const keyOf = ({ headers }: RequestInit): string => new Headers(headers).get('Idempotency-Key') ?? '';
const freely = { keepsPromise: false };

function setup(handler: Handler) {
  const requests: { path: string; key: string; body: unknown }[] = [];
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    const path = url.replace('./', '');
    requests.push({ path, key: keyOf(init), body: JSON.parse((init.body as string | undefined) ?? 'null') });
    return handler(path, init);
  });
  const listeners = new Map<string, JobListener>();
  const live = {
    watchJob(id: string, listener: JobListener) {
      listeners.set(id, listener);
      return () => listeners.delete(id);
    },
  } as unknown as Live;
  return { playground: new Playground(live), live, requests, listeners };
}

function move(_state: unknown, _unused: string, href: string): void {
  location.hash = href;
}

/** Answers each submit with a job of its own. */
function accepting(): Handler {
  const jobs = new Map<string, number>();
  return (_path, init) => {
    const key = keyOf(init);
    jobs.set(key, jobs.get(key) ?? jobs.size + 1);
    return json(testJob({ id: idOf(jobs.get(key) ?? 0) }), 202);
  };
}

describe('the playground', () => {
  beforeEach(() => {
    vi.stubGlobal('sessionStorage', new FakeStorage());
    vi.stubGlobal('localStorage', new FakeStorage());
    vi.stubGlobal('requestAnimationFrame', (draw: () => void) => draw());
    vi.stubGlobal('document', { documentElement: { scrollHeight: 1, clientHeight: 1 } });
    vi.stubGlobal('scrollY', 0);
    vi.stubGlobal('location', { hash: '#/', host: 'host' });
    vi.stubGlobal('history', { state: null, pushState: move, replaceState: move });
    place.value = parsePlace('#/');
  });

  it('writes several texts, each with a key and a seed of its own, and keeps their ids in the address', async () => {
    const { playground, requests } = setup(accepting());
    playground.write(requestsOf({ ...body, seed: 7 }, '3', Math.random), freely);
    await expect.poll(() => location.hash).toBe('#/?jobs=id-1,id-2,id-3');
    expect(requests.map((request) => (request.body as { seed: number }).seed)).toEqual([7, 8, 9]);
    expect(new Set(requests.map(({ key }) => key)).size).toBe(3);
  });

  it('makes one job, whenever it is loaded anew before the answer', async () => {
    const answers = accepting();
    const lost = setup(() => new Promise<Response>(() => undefined));
    lost.playground.write([body], freely);
    await expect.poll(() => lost.requests.length).toBe(1);

    const reloaded = setup(answers);
    reloaded.playground.open(parsePlace(location.hash));
    await expect.poll(() => location.hash).toBe('#/?jobs=id-1');
    expect(reloaded.requests[0]?.key).toBe(lost.requests[0]?.key);
  });

  it('shows the text as it comes, and begins anew after a fault', async () => {
    const { playground, listeners } = setup(accepting());
    playground.write([body], freely);
    await expect.poll(() => listeners.size).toBe(1);
    const [sample] = playground.samples.value;
    const [listener] = listeners.values();
    listener?.onTokens({ text: ' there', tokens: 1 });
    listener?.onTokens({ text: ' was', tokens: 2 });
    expect(sample?.text.value).toBe(' there was');
    listener?.onReset();
    expect([sample?.text.value, sample?.resets.value]).toEqual(['', 1]);
    listener?.onCompleted(endedJob(' there is', { id: idOf(1) }));
    expect([sample?.text.value, sample?.stage.value]).toEqual([' there is', 'succeeded']);
  });

  it('sends a request again when the service wants that, with the same key', async () => {
    const accept = accepting();
    let isFull = true;
    const { playground, requests } = setup((path, init) => {
      if (!isFull) return accept(path, init);
      isFull = false;
      return problem('queue_full', 503, 5);
    });
    playground.write([body], freely);
    await expect.poll(() => location.hash).toBe('#/?jobs=id-1');
    expect(requests).toHaveLength(2);
    expect(requests[0]?.key).toBe(requests[1]?.key);
  });

  it('stops trying when the reader wants that', async () => {
    const { playground } = setup(() => problem('queue_full', 503, 60_000));
    playground.write([body], freely);
    const [sample] = playground.samples.value;
    await expect.poll(() => sample?.problem.value?.code).toBe('queue_full');
    expect(sample?.stage.value).toBe('sending');
    await sample?.stop();
    expect(sample?.stage.value).toBe('refused');
  });

  it('says why a request was refused, and keeps no draft of it', async () => {
    const { playground } = setup(() => problem('prompt_refused', 400, null));
    playground.write([body], freely);
    const [sample] = playground.samples.value;
    await expect.poll(() => sample?.stage.value).toBe('refused');
    expect(location.hash).toBe('#/');
    expect(sessionStorage.getItem('prosemill.draft.texts')).toBeNull();
  });

  it('stops a job that was still being sent', async () => {
    const accept = accepting();
    const { playground, requests } = setup((path, init) =>
      path.endsWith('/cancel') ? json(testJob({ id: idOf(1), status: 'canceled' })) : accept(path, init),
    );
    playground.write([body], freely);
    const [sample] = playground.samples.value;
    void sample?.stop();
    expect(sample?.stage.value).toBe('stopping');
    await expect.poll(() => sample?.stage.value).toBe('canceled');
    expect(requests.map(({ path }) => path)).toEqual(['jobs', 'jobs/id-1/cancel']);
  });

  it('writes a text again in its place, as a job that knows the old one', async () => {
    const { playground, requests } = setup((path) => {
      if (path.endsWith('/retry')) return json(testJob({ id: 'retried' }), 202);
      return json(endedJob(' there', { id: path.replace('jobs/', '') }));
    });
    playground.open(parsePlace('#/?jobs=a,b'));
    await expect.poll(() => playground.samples.value.every(({ job }) => job.value !== null)).toBe(true);
    const [first] = playground.samples.value;
    if (first !== undefined) playground.again(first, 'new');
    await expect.poll(() => location.hash).toBe('#/?jobs=retried,b');
    expect(requests.at(-1)).toMatchObject({ path: 'jobs/a/retry', body: { seed: 'new' } });
  });

  it('leaves a pinned text where it is', async () => {
    const { playground } = setup(accepting());
    playground.write([body], freely);
    await expect.poll(() => location.hash).toBe('#/?jobs=id-1');
    const [sample] = playground.samples.value;
    if (sample !== undefined) sample.isPinned.value = true;
    playground.write([body, body, body, body], freely);
    expect(playground.samples.value).toHaveLength(4);
    expect(playground.samples.value[0]).toBe(sample);
  });
});
