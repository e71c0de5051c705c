/** The journal of texts, with a real database and real wake-ups. */
import { type Job, type Store, type TextPiece, type TextStore, type WakeUp, type WakeUps } from '@prosemill/core';
import { createMetrics } from '@prosemill/telemetry';
import { gateCalls, newJob, silentLogger } from '@prosemill/testkit';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { AttemptText } from './attempt-text.ts';
import { createTestQueue, openTestStore } from './test-worker.ts';
import { TextJournal } from './text-journal.ts';
import { createWorkerMetrics } from './worker-metrics.ts';

const model = { name: 'm', revision: '1', engine: 'e', dtype: 'fp32', fingerprint: 'f' };

describe('the text journal', () => {
  let store: Store;
  let wakeUps: WakeUps;
  let heard: WakeUp[];
  /** While it is not null, the database refuses appends. */
  let outage: Error | null;
  let appends: TextPiece[][];
  let appendedAt: number[];
  let isDeaf: boolean;

  beforeEach(async () => {
    store = await openTestStore();
    ({ wakeUps } = createTestQueue());
    heard = [];
    wakeUps.subscribe((wakeUp) => heard.push(wakeUp));
    outage = null;
    appends = [];
    appendedAt = [];
    isDeaf = false;
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => void vi.useRealTimers());

  function startJournal(texts: Pick<TextStore, 'append' | 'listWatched'> = store.texts): TextJournal {
    const metrics = createWorkerMetrics(createMetrics(), { running: { count: 0 }, generator: { slots: 1 } });
    const journal = new TextJournal({
      texts: {
        listWatched: async (ids) => await texts.listWatched(ids),
        async append(pieces) {
          appends.push([...pieces]);
          appendedAt.push(performance.now());
          if (outage !== null) throw outage;
          await texts.append(pieces);
        },
      },
      wakeUps: { publish: (wakeUp) => wakeUps.publish(wakeUp), isDeaf: () => isDeaf },
      metrics,
      logger: silentLogger,
    });
    journal.start();
    onTestFinished(async () => await journal.stop());
    return journal;
  }

  async function claimJob(isWatched: boolean): Promise<Job> {
    await store.jobs.submit(newJob({ isWatched }));
    const claimed = await store.jobs.claim({ workerId: 'worker', model, leaseMs: 30_000, fromClass: 0 });
    if (claimed === null) throw new Error('Nothing to claim.');
    return claimed.job;
  }

  async function watch(journal: TextJournal, { id }: Job): Promise<void> {
    await store.texts.watch([id]);
    journal.watch([id]);
  }

  const readText = async ({ id }: Job): Promise<string> =>
    (await store.texts.read([{ id, attempt: 1, offset: 0 }])).map(({ text }) => text).join('');

  it('does nothing for texts that nobody watches', async () => {
    const journal = startJournal();
    await vi.advanceTimersByTimeAsync(0);
    const timers = vi.getTimerCount();
    const text = journal.open(await claimJob(false));
    for (let token = 1; token <= 100; token += 1) text.add(' word', token);
    expect(vi.getTimerCount()).toBe(timers);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(appends).toEqual([]);
  });

  it('writes the first text of a watched job at once, then at most every 50 ms', async () => {
    const journal = startJournal();
    const job = await claimJob(true);
    const text = journal.open(job);
    const seen: string[] = [];
    for (let ms = 0; ms < 200; ms += 10) {
      text.add(`${ms} `, ms + 1);
      await vi.advanceTimersByTimeAsync(10);
      seen.push(await readText(job));
    }
    expect(seen[0]).toBe('0 ');
    await vi.advanceTimersByTimeAsync(50);
    expect(await readText(job)).toBe(text.completion);
    expect(appendedAt.slice(1).map((at, index) => at - (appendedAt[index] ?? 0))).toEqual([50, 50, 50, 50]);
    expect(heard.filter(({ type }) => type === 'job-text')).toEqual(
      appends.map(() => ({ type: 'job-text', ids: [job.id] })),
    );
    await vi.advanceTimersByTimeAsync(10_000);
    expect(appends).toHaveLength(5);
  });

  it('writes the texts of all watched jobs together', async () => {
    const journal = startJournal();
    const texts: AttemptText[] = [];
    for (let jobs = 0; jobs < 32; jobs += 1) texts.push(journal.open(await claimJob(jobs % 4 > 0)));
    for (let token = 1; token <= 50; token += 1) {
      for (const text of texts) text.add(' word', token);
      await vi.advanceTimersByTimeAsync(20);
    }
    expect(appends.length).toBeLessThanOrEqual(1 + (50 * 20) / 50);
    expect(appends.every((pieces) => pieces.length === 24)).toBe(true);
  });

  it('begins with the text so far when the first reader comes, and counts code points', async () => {
    const journal = startJournal();
    const job = await claimJob(false);
    const text = journal.open(job);
    text.add(' 👩‍👩‍👧‍👦 und', 1);
    text.add('昔々', 2);
    await watch(journal, job);
    await vi.advanceTimersByTimeAsync(10);
    journal.watch([job.id]);
    text.add('🇯🇵', 3);
    text.add(' end', 4);
    await vi.advanceTimersByTimeAsync(50);
    expect(appends.flat()).toEqual([
      { id: job.id, attempt: 1, offset: 0, text: ' 👩‍👩‍👧‍👦 und昔々', tokens: 2 },
      { id: job.id, attempt: 1, offset: 14, text: '🇯🇵 end', tokens: 4 },
    ]);
    expect(await readText(job)).toBe(text.completion);
  });

  it('hears of a watch while the claim is under way', async () => {
    const journal = startJournal();
    const job = await claimJob(false);
    await watch(journal, job);
    const text = journal.open(job);
    const later = journal.open(await claimJob(false));
    text.add('once', 1);
    later.add('twice', 1);
    await vi.advanceTimersByTimeAsync(10);
    expect(appends.flat().map(({ text: written }) => written)).toEqual(['once']);
  });

  it('keeps all text while the database is away, and writes it in one piece afterwards', async () => {
    const journal = startJournal();
    const [job, other] = [await claimJob(true), await claimJob(true)];
    const [text, otherText] = [journal.open(job), journal.open(other)];
    text.add('before ', 1);
    await vi.advanceTimersByTimeAsync(50);
    outage = new Error('the database is away');
    for (let token = 2; token < 200; token += 1) {
      text.add(`${token} `, token);
      await vi.advanceTimersByTimeAsync(20);
    }
    otherText.add('other', 1);
    const tries = appends.length;
    expect(tries).toBeLessThan(12);
    expect(await readText(job)).toBe('before ');
    outage = null;
    await vi.advanceTimersByTimeAsync(500);
    expect(appends.length).toBe(tries + 1);
    expect(appends.at(-1)).toHaveLength(2);
    expect([await readText(job), await readText(other)]).toEqual([text.completion, otherText.completion]);
    text.add('after', 200);
    await vi.advanceTimersByTimeAsync(50);
    expect(await readText(job)).toBe(text.completion);
  });

  it('repeats a piece whose answer was lost, with the text since', async () => {
    const lost = new Error('the answer was lost');
    const journal = startJournal({
      ...store.texts,
      async append(pieces) {
        await store.texts.append(pieces);
        if (appends.length === 2) throw lost;
      },
    });
    const job = await claimJob(true);
    const text = journal.open(job);
    for (const [index, word] of ['One ', 'two ', 'three ', 'four'].entries()) {
      text.add(word, index + 1);
      await vi.advanceTimersByTimeAsync(50);
    }
    await vi.advanceTimersByTimeAsync(500);
    expect(await readText(job)).toBe('One two three four');
    expect(appends).toHaveLength(3);
  });

  it('writes nothing of a text that is closed', async () => {
    const journal = startJournal();
    const job = await claimJob(true);
    const text = journal.open(job);
    text.add('begun', 1);
    await vi.advanceTimersByTimeAsync(10);
    text.add(' and ended', 2);
    journal.close(text);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(appends.flat()).toHaveLength(1);
  });

  it('writes nothing after its stop, which waits for the append under way', async () => {
    const gate = gateCalls(store.texts);
    const journal = startJournal(gate.part);
    const text = journal.open(await claimJob(true));
    gate.shut();
    text.add('some', 1);
    await vi.advanceTimersByTimeAsync(10);
    let isStopped = false;
    const stopped = journal.stop().then(() => (isStopped = true));
    text.add(' more', 2);
    await vi.advanceTimersByTimeAsync(100);
    expect([isStopped, gate.underWay]).toEqual([false, 1]);
    gate.open();
    await stopped;
    text.add(' text', 3);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(appends).toHaveLength(1);
  });

  it('asks for all its unwatched jobs in one query every 500 ms while wake-ups do not arrive', async () => {
    isDeaf = true;
    const gate = gateCalls(store.texts);
    const journal = startJournal(gate.part);
    const jobs = [await claimJob(false), await claimJob(false)] as const;
    const texts = jobs.map((job) => journal.open(job));
    for (const text of texts) text.add('text', 1);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(gate.begun).toBe(4);
    await store.texts.watch([jobs[1].id]);
    await vi.advanceTimersByTimeAsync(510);
    expect(appends.flat().map(({ id }) => id)).toEqual([jobs[1].id]);
    isDeaf = false;
    const { begun } = gate;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(gate.begun).toBe(begun);
  });
});
