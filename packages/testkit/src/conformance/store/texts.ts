/** The texts of watched jobs while they run: who may append, what a reader gets, and when they go. */
import { type ClaimKey, type NewJob, newId, type Outcome, type TextPiece } from '@prosemill/core';
import { describe, expect, it } from 'vitest';
import { claimSome, findJob, leaseMs, newJob, type OpenSession, part, sessionPerTest, succeeded } from './session.ts';

const codePointsOf = (text: string): number => Array.from(text).length;

/** The pieces of one attempt that hold these texts, a token each. */
function piecesOf(key: ClaimKey, texts: readonly string[]): readonly TextPiece[] {
  let offset = 0;
  return texts.map((text, index) => {
    const piece = { ...key, offset, text, tokens: index + 1 };
    offset += codePointsOf(text);
    return piece;
  });
}

const transient = { code: 'generation_failed', message: 'It went wrong.' };

export function describeTexts(name: string, open: OpenSession): void {
  describe(`texts on ${name}`, () => {
    const session = sessionPerTest(open);

    /** Claims a new job. */
    async function start(overrides: Partial<NewJob> = {}): Promise<ClaimKey> {
      await session.store.jobs.submit(newJob({ isWatched: true, ...overrides }));
      return (await claimSome(session.store)).key;
    }

    const countRows = async (): Promise<number> =>
      Number((await session.execute('select count(*) as rows from job_text'))[0]?.['rows']);

    it('are read from any code point on, whatever the language', async () => {
      const key = await start();
      const texts = [' Es war', ' 👩‍👩‍👧‍👦 naïve', '昔々、', '🇯🇵', 'あるところに'];
      const pieces = piecesOf(key, texts);
      const whole = Array.from(texts.join(''));
      const { texts: store } = session.store;
      for (const piece of pieces) await store.append([piece]);
      expect(await store.read([{ ...key, offset: 0 }])).toEqual(pieces);
      for (let offset = 0; offset <= whole.length; offset += 1) {
        const read = await store.read([{ ...key, offset }]);
        expect(read.map(({ text }) => text).join('')).toBe(whole.slice(offset).join(''));
        expect(read[0]?.offset).toBe(offset === whole.length ? undefined : offset);
        expect(read.at(-1)?.tokens).toBe(offset === whole.length ? undefined : texts.length);
      }
    });

    it('of many jobs are written by one statement and read by one query, each from its own cursor', async () => {
      const keys: ClaimKey[] = [];
      for (let jobs = 0; jobs < 5; jobs += 1) keys.push(await start());
      const { texts } = session.store;
      await texts.append(keys.flatMap((key) => piecesOf(key, ['ab', 'cd', 'ef'])));
      const cursors = keys.map((key, offset) => ({ ...key, offset }));
      const read = Map.groupBy(await texts.read([...cursors, { id: newId(), attempt: 1, offset: 0 }]), ({ id }) => id);
      expect(keys.map(({ id }) => read.get(id)?.map(({ text }) => text))).toEqual([
        ['ab', 'cd', 'ef'],
        ['b', 'cd', 'ef'],
        ['cd', 'ef'],
        ['d', 'ef'],
        ['ef'],
      ]);
      expect(await texts.read([])).toEqual([]);
      await texts.append([]);
    });

    it('may be appended again: the longer piece stays, whichever comes last', async () => {
      const key = await start();
      const [first, second] = piecesOf(key, ['One', ' two']);
      const longer = { ...key, offset: 3, text: ' two three', tokens: 3 };
      const { texts } = session.store;
      for (const piece of [first, second, first, longer, longer, second]) await texts.append([piece as TextPiece]);
      expect(await texts.read([{ ...key, offset: 0 }])).toEqual([first, longer]);
      expect(await texts.read([{ ...key, offset: 7 }])).toEqual([{ ...longer, offset: 7, text: ' three' }]);
    });

    it('are stored as the completion of an ended job would be', async () => {
      const key = await start();
      const piece = { ...key, offset: 0, text: 'a\u0000b\uD800c"\\\u2028', tokens: 1 };
      await session.store.texts.append([piece]);
      expect(await session.store.texts.read([{ ...key, offset: 0 }])).toEqual([
        { ...piece, text: 'a\uFFFDb\uFFFDc"\\\u2028' },
      ]);
    });

    it('of an attempt that lost its job are dropped, and its reader goes on with the next attempt', async () => {
      const late = await start();
      await session.store.texts.append(piecesOf(late, ['old']));
      await session.travel(leaseMs + 1_000);
      await session.store.jobs.rescueLostJobs(10);
      expect(await countRows()).toBe(0);
      const { texts } = session.store;
      await texts.append(piecesOf(late, ['old', ' late']));
      const current = (await claimSome(session.store)).key;
      expect(current).toEqual({ id: late.id, attempt: 2 });
      const pieces = piecesOf(current, ['new', ' text']);
      await texts.append([...piecesOf(late, ['old', ' late']), ...pieces]);
      expect(await texts.read([{ ...late, offset: 8 }])).toEqual(pieces);
      expect(await texts.read([{ ...current, attempt: 3, offset: 0 }])).toEqual([]);
    });

    it('are kept only of watched jobs that run', async () => {
      const unwatched = await start({ isWatched: false });
      const { id } = await session.store.jobs.submit(newJob({ isWatched: true }));
      const keys = [unwatched, { id, attempt: 0 }, { id: newId(), attempt: 1 }];
      await session.store.texts.append(keys.flatMap((key) => piecesOf(key, ['text'])));
      expect(await countRows()).toBe(0);
    });

    it.each<readonly [string, Outcome]>([
      ['success', succeeded],
      ['failure', { type: 'failed', error: transient, partial: part }],
      ['retry', { type: 'retried', error: transient, delayMs: 0 }],
      ['crash', { type: 'crashed' }],
      ['release', { type: 'released' }],
    ])('go with the end of the attempt (%s), and not with those of other jobs', async (_name, outcome) => {
      const other = await start();
      const key = await start();
      await session.store.texts.append([other, key].flatMap((each) => piecesOf(each, ['some', ' text'])));
      await session.store.jobs.requestCancel('local', other.id);
      expect(await countRows()).toBe(4);
      await session.store.jobs.complete(key, outcome);
      expect(await countRows()).toBe(2);
      await session.store.jobs.complete(other, { type: 'canceled', partial: part });
      expect(await countRows()).toBe(0);
    });

    it('go with the end of an attempt that had no watcher at its claim', async () => {
      const { id } = await session.store.jobs.submit(newJob());
      const { job, key } = await claimSome(session.store);
      await session.store.texts.watch([id]);
      await session.store.texts.append(piecesOf(key, ['some', ' text']));
      expect(await countRows()).toBe(2);
      expect(await session.store.jobs.complete(job, succeeded)).toBe('applied');
      expect(await countRows()).toBe(0);
    });

    it('that came too late are swept, and those of running jobs are not', async () => {
      const [running, ended] = [await start(), await start()];
      await session.store.texts.append(piecesOf(running, ['some', ' text']));
      await session.store.jobs.complete(ended, { type: 'released' });
      const values = [0, 1, 2].map((offset) => `('${ended.id}', ${ended.attempt}, ${offset}, 'x', 1)`);
      await session.execute(
        `insert into job_text (job_id, attempt, "offset", text, tokens) values ${values.join(', ')}`,
      );
      const again = (await claimSome(session.store)).key;
      const { texts } = session.store;
      const pieces = piecesOf(again, ['new']);
      await texts.append(pieces);
      expect([await texts.sweep(2), await texts.sweep(2), await texts.sweep(2)]).toEqual([2, 1, 0]);
      expect(await texts.read([{ ...running, offset: 0 }])).toHaveLength(2);
      expect(await texts.read([{ ...again, offset: 0 }])).toEqual(pieces);
    });
  });

  describe(`watched jobs on ${name}`, () => {
    const session = sessionPerTest(open);

    it('are marked once, by the first watcher, while they have not ended', async () => {
      const { jobs, texts } = session.store;
      const ended = await jobs.submit(newJob());
      await jobs.complete((await claimSome(session.store)).key, succeeded);
      const running = await jobs.submit(newJob());
      const { key } = await claimSome(session.store);
      const queued = await jobs.submit(newJob());
      const submitted = await jobs.submit(newJob({ isWatched: true }));
      const all = [ended, running, queued, submitted].map(({ id }) => id);
      expect(await texts.listWatched(all)).toEqual([submitted.id]);
      expect(await jobs.renew(key, leaseMs)).toMatchObject({ isWatched: false });
      expect((await texts.watch([...all, newId()])).toSorted()).toEqual([running.id, queued.id].toSorted());
      expect(await texts.watch(all)).toEqual([]);
      expect((await texts.listWatched([...all, newId()])).toSorted()).toEqual(all.slice(1).toSorted());
      expect(await jobs.renew(key, leaseMs)).toMatchObject({ isWatched: true });
      expect([await texts.watch([]), await texts.listWatched([])]).toEqual([[], []]);
    });

    it('keep their versions', async () => {
      const { jobs, texts } = session.store;
      const job = await jobs.submit(newJob());
      await texts.watch([job.id]);
      expect(await findJob(session.store, job)).toEqual({ ...job, isWatched: true });
    });

    it('stay watched in their next attempts', async () => {
      const { jobs, texts } = session.store;
      const job = await jobs.submit(newJob());
      await texts.watch([job.id]);
      const first = await claimSome(session.store);
      expect(first.job.isWatched).toBe(true);
      await jobs.complete(first.key, { type: 'released' });
      expect((await claimSome(session.store)).job.isWatched).toBe(true);
    });

    it('have one first watcher when several come at once', async () => {
      const { id } = await session.store.jobs.submit(newJob());
      const stores = [session.store, ...session.others, session.store, ...session.others];
      const answers = await Promise.all(stores.map(async ({ texts }) => await texts.watch([id])));
      expect(answers.flat()).toEqual([id]);
    });
  });
}
