/** Searches: on every database the answers of a plain comparison of all terms. */
import { type Cursor, type Job, maxSearchedOccurrences, maxSearchedTerms, parseSearch, toTerms } from '@prosemill/core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { claimSome, findJob, newJob, type OpenSession, result, sessionPerTest } from './session.ts';

/** Pieces of texts and of searches: scripts, emoji, and the characters of SQL, FTS5 and tsquery that have a meaning. */
const pieces = [
  'king',
  'King',
  'kings',
  'old',
  'the',
  'a',
  'b',
  'x',
  'café',
  'CAFE',
  'cafe\u0301',
  'straße',
  'STRASSE',
  'STRAẞE',
  'Łódź',
  'ΟΔΟΣ',
  'οδος',
  'ﬁre',
  'fire',
  'ｋｉｎｇ',
  '東京',
  '京都',
  '東',
  '京',
  'とう',
  'ไทย',
  '한국',
  'हिन्दी',
  'مرحبا',
  'שלום',
  '👑',
  '👩‍👩‍👧',
  '❤️',
  '❤',
  '🇩🇪',
  '👍🏽',
  '1',
  '42',
  '3.14',
  '1e5',
  '2026-11-29',
  'don’t',
  "don't",
  'a@b.com',
  'https://x.y/z?q=1',
  'snake_case',
  'x-y',
  `'; drop table jobs; --`,
  '%',
  '_',
  '*',
  'kin*',
  ':',
  'king:*',
  '&',
  '|',
  '!',
  '(',
  ')',
  '<->',
  'king <-> old',
  'AND',
  'OR',
  'NOT',
  'NEAR(a b)',
  '^king',
  '{terms}: king',
  '+',
  '-king',
  '\\',
  '$1',
  '?',
  '\u200B',
  '\uFEFF',
];
const spaces = [' ', '', '\n', ' "', '" ', '"', ', '];
const textOf = (maxLength: number) =>
  fc
    .array(fc.tuple(fc.constantFrom(...pieces), fc.constantFrom(...spaces)), { minLength: 1, maxLength })
    .map((parts) => parts.flat().join(''));

/** The reference: whether each phrase is in one of the texts. */
function hasPhrases(texts: readonly string[], search: string): boolean {
  const lines = texts.map((text) => ` ${toTerms(text).join(' ')} `);
  const phrases = parseSearch(search);
  return phrases.length > 0 && phrases.every((phrase) => lines.some((line) => line.includes(` ${phrase.join(' ')} `)));
}

export function describeSearches(name: string, open: OpenSession): void {
  describe(`searches on ${name}`, () => {
    const session = sessionPerTest(open);
    const add = async (prompt: string, completion: string | null = null, changes = {}): Promise<Job> => {
      // The first to be claimed, if it is to end.
      const priorityClass = completion === null ? 1 : 0;
      const job = await session.store.jobs.submit(newJob({ prompt, priorityClass, ...changes }));
      if (completion === null) return job;
      const { key } = await claimSome(session.store);
      await session.store.jobs.complete(key, { type: 'succeeded', result: { ...result, completion } });
      return await findJob(session.store, job);
    };
    const list = async (filter: object): Promise<readonly string[]> => {
      const page = await session.store.jobs.list({ ownerId: 'local', after: null, limit: 100, ...filter });
      return page.items.map(({ id }) => id);
    };

    it('find the jobs that have every phrase, whatever the characters of texts and searches', async () => {
      const texts = fc.sample(fc.tuple(textOf(8), fc.option(textOf(8))), { seed: 7, numRuns: 60 });
      const jobs: { readonly id: string; readonly texts: readonly string[] }[] = [];
      for (const [prompt, completion] of texts) {
        const { id } = await add(prompt, completion);
        jobs.unshift({ id, texts: [prompt, prompt + (completion ?? '')] });
      }
      let found = 0;
      for (const search of [...pieces, ...fc.sample(textOf(3), { seed: 8, numRuns: 100 })]) {
        const expected = jobs.filter(({ texts: known }) => hasPhrases(known, search)).map(({ id }) => id);
        expect([search, new Set(await list({ search }))]).toEqual([search, new Set(expected)]);
        found += expected.length;
      }
      expect(found).toBeGreaterThan(500);
    });

    it('find a word that begins in the prompt and ends in the text, and the new text of a job', async () => {
      const waiting = await add('The old qu');
      expect([await list({ search: 'qu' }), await list({ search: 'queen' })]).toEqual([[waiting.id], []]);
      const { key } = await claimSome(session.store);
      const outcome = { type: 'succeeded', result: { ...result, completion: 'een slept.' } } as const;
      await session.store.jobs.complete(key, outcome);
      const found = ['qu', '"old qu"', '"queen slept"', '"old queen" qu'];
      for (const search of found) expect([search, await list({ search })]).toEqual([search, [waiting.id]]);
      for (const search of ['een', '"qu queen"', '"qu the"']) {
        expect([search, await list({ search })]).toEqual([search, []]);
      }
    });

    it('find metadata: all pairs, exactly', async () => {
      const first = await add('a', null, { metadata: { customer: '4711', plan: 'a:b "c"' } });
      const second = await add('a', null, { metadata: { customer: '4711' } });
      await add('customer 4711', null, { metadata: { customer: '47', other: '4711' } });
      const pair = ['customer', '4711'] as const;
      expect(await list({ metadata: [pair] })).toEqual([second.id, first.id]);
      expect(await list({ metadata: [pair, ['plan', 'a:b "c"']] })).toEqual([first.id]);
      expect(await list({ metadata: [['customer', '471']] })).toEqual([]);
      expect(await list({ metadata: [pair], search: 'a' })).toEqual([second.id, first.id]);
      expect(await list({ search: '4711' })).toHaveLength(1);
    });

    it('are combined with the other filters, belong to their owner, and come in pages', async () => {
      const mine: Job[] = [];
      for (let index = 0; index < 7; index += 1)
        mine.unshift(await add(`king ${index}`, index % 2 === 0 ? ' slept' : null));
      await add('king', null, { ownerId: 'other' });
      await add('king', null, { verifyOf: mine[0]?.id ?? null });
      const ids = mine.map(({ id }) => id);
      expect(new Set(await list({ search: 'king' }))).toEqual(new Set(ids));
      expect(await list({ search: 'king', statuses: ['succeeded', 'queued'] })).toHaveLength(7);
      expect(await list({ search: 'king', statuses: ['succeeded'] })).toHaveLength(4);
      const [newest] = mine;
      expect(await list({ search: 'king', createdAfter: newest?.createdAt })).toContain(newest?.id);
      const paged: string[] = [];
      let after: Cursor<string> | null = null;
      for (let hasMore = true; hasMore;) {
        const page = await session.store.jobs.list({ ownerId: 'local', search: 'king', after, limit: 3 });
        paged.push(...page.items.map(({ id }) => id));
        after = page.items.at(-1) ?? null;
        ({ hasMore } = page);
      }
      expect(paged).toEqual(await list({ search: 'king' }));
    });

    it('read a page of a word that very many jobs have, and agree with the index', async () => {
      for (let batch = 0; batch < 6; batch += 1) {
        const prompts = Array.from(
          { length: 400 },
          (_, index) => `common "words" ${index % 7 === 0 ? 'rare don’t' : ''}`,
        );
        await session.store.jobs.submitAll(prompts.map((prompt) => newJob({ prompt })));
      }
      while ((await session.store.jobs.indexForSearch(500)) > 0);
      const page = async (search: string) => (await list({ search })).length;
      expect([await page('common'), await page('"common words"'), await page('"words common"')]).toEqual([100, 100, 0]);
      expect(await page(`"don't" common`)).toBe(100);
      expect(await list({ search: 'common', metadata: [['a', 'b']] })).toEqual([]);
    }, 60_000);

    it('know the first words of a long text, and the first places of a word', async () => {
      const job = await add('x '.repeat(maxSearchedOccurrences) + 'x y ' + 'z '.repeat(maxSearchedTerms) + 'end');
      expect([await list({ search: 'x' }), await list({ search: '"x x"' }), await list({ search: 'y' })]).toEqual([
        [job.id],
        [job.id],
        [job.id],
      ]);
      expect([await list({ search: '"x y"' }), await list({ search: 'end' })]).toEqual([[], []]);
    });

    it('do not find purged jobs, even when they are indexed at the same time', async () => {
      const jobs: Job[] = [];
      for (let index = 0; index < 20; index += 1) jobs.push(await add('king', ' slept'));
      const stores = [session.store, ...session.others];
      await Promise.all([
        ...jobs.map(async ({ id }) => await session.store.jobs.purge('local', id)),
        ...stores.map(async (store) => await store.jobs.indexForSearch(7)),
        ...stores.map(async (store) => await store.jobs.indexForSearch(100)),
      ]);
      while ((await session.store.jobs.indexForSearch(100)) > 0);
      expect(await list({ search: 'king' })).toEqual([]);
      const rows = await session.execute(`select cast(terms as text) as terms from job_search`);
      expect(rows.filter(({ terms }) => terms !== '')).toEqual([]);
    });

    it('index each job once, whoever asks', async () => {
      for (let index = 0; index < 5; index += 1) await add('king');
      const stores = [session.store, ...session.others];
      const counts = await Promise.all(stores.map(async (store) => await store.jobs.indexForSearch(100)));
      expect(counts.reduce((sum, count) => sum + count, 0) + (await session.store.jobs.indexForSearch(100))).toBe(5);
      expect(await list({ search: 'king' })).toHaveLength(5);
    });
  });
}
