import { csvValue, type ExportedTextBody, type ExportLinkBody, type Problem } from '@prosemill/contract';
import type { Logger } from '@prosemill/core';
import { newJob, silentLogger } from '@prosemill/testkit';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createKey } from '../auth/create-key.ts';
import { endNext, openTestApi, succeededWith, type TestApi } from '../test-api.ts';

describe('GET /history/export', () => {
  let opened: TestApi;
  beforeEach(async () => {
    const api = await openTestApi();
    onTestFinished(async () => await api.close());
    opened = api;
  });

  const add = async (prompt: string, completion: string, changes: Parameters<typeof newJob>[0] = {}): Promise<void> => {
    await opened.store.jobs.submit(newJob({ prompt, ...changes }));
    await endNext(opened.store, { outcome: succeededWith(completion) });
  };
  const get = async (query: string, method = 'GET') =>
    await opened.api.app.request(`/history/export${query}`, { method });
  const texts = async (query = ''): Promise<readonly ExportedTextBody[]> =>
    (await (await get(query)).text())
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as ExportedTextBody);

  it('has a line of JSON for each text, newest first, with its job', async () => {
    await add('The old king', ' slept.\n"Well"', { metadata: { customer: '4711' }, seed: 7 });
    await add('A fox', ' ran', { ownerId: 'other' });
    await add('A hen', ' ran');
    const [newest, oldest, ...none] = await texts();
    expect([newest?.generated_text, none]).toEqual(['A hen ran', []]);
    expect(oldest).toEqual({
      id: expect.any(Number),
      job_id: expect.any(String),
      prompt: 'The old king',
      generated_text: 'The old king slept.\n"Well"',
      model_name: 'tiny-tales',
      created_at: expect.any(String),
      seed: 7,
      finish_reason: 'length',
      prompt_tokens: 4,
      completion_tokens: 1,
      metadata: { customer: '4711' },
    });
    const answer = await get('');
    expect(answer.headers.get('Content-Type')).toBe('application/jsonl');
    expect(answer.headers.get('Content-Disposition')).toBe('attachment; filename="history.jsonl"');
  });

  it('has a line of CSV for each text, quoted as in RFC 4180', async () => {
    await add('=1+1', ', said "she"\r\nand', { metadata: { a: 'b' } });
    const answer = await get('?format=csv');
    expect(answer.headers.get('Content-Type')).toBe('text/csv; charset=utf-8; header=present');
    const [head, ...lines] = (await answer.text()).split(/\r\n(?=\d|$)/);
    expect(head).toBe(
      'id,job_id,created_at,model_name,prompt,generated_text,seed,finish_reason,prompt_tokens,completion_tokens,metadata',
    );
    expect(lines[0]).toMatch(
      /^1,[^,]+,[^,]+,tiny-tales,'=1\+1,"'=1\+1, said ""she""\r\nand",\d+,length,4,1,"\{""a"":""b""\}"$/,
    );
  });

  it.each([
    ['plain', 'plain'],
    ['a,b', '"a,b"'],
    ['a\nb', '"a\nb"'],
    ['"', '""""'],
    ['@x', `'@x`],
    ['\t=x', `'\t=x`],
    ['-1', `'-1`],
    ['\n=1', `"'\n=1"`],
    ['＝1', `'＝1`],
    ['＠x', `'＠x`],
    ['+"1"', `"'+""1"""`],
  ])('writes %j as %j', (value, written) => {
    expect(csvValue(value)).toBe(written);
  });

  it('has the texts of the filters only', async () => {
    await add('The old king', ' slept', { metadata: { customer: '4711' } });
    await add('A fox', ' slept');
    const promptsOf = async (query: string) => (await texts(query)).map(({ prompt }) => prompt);
    expect(await promptsOf('?q=slept')).toEqual(['A fox', 'The old king']);
    expect(await promptsOf('?q=king')).toEqual(['The old king']);
    expect(await promptsOf('?metadata=customer:4711')).toEqual(['The old king']);
    const [newest] = await texts();
    expect(await promptsOf(`?created_after=${newest?.created_at}`)).toContain('A fox');
    expect(await promptsOf(`?created_after=${newest?.created_at.toLowerCase()}`)).toContain('A fox');
    expect(await promptsOf('?created_before=2020-01-01T00:00:00Z')).toEqual([]);
    expect((await get('?format=xml')).status).toBe(422);
  });

  it('reads as many pages as its client takes, and no more after the client has left', async () => {
    const { store } = opened;
    for (let index = 0; index < 450; index += 1) await add(`Text ${index}`, '.');
    let pages = 0;
    const listForExport: typeof store.generations.listForExport = async (query) => {
      pages += 1;
      return await store.generations.listForExport(query);
    };
    const other = await openTestApi({ store: { ...store, generations: { ...store.generations, listForExport } } });
    onTestFinished(async () => other.api.beginShutdown());
    const answer = await other.api.app.request('/history/export');
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    expect(pages).toBe(0);
    await reader.read();
    expect(pages).toBe(1);
    await reader.cancel();
    expect(pages).toBe(1);
    pages = 0;
    const whole = await (await other.api.app.request('/history/export')).text();
    expect([whole.split('\n').length - 1, new Set(whole.split('\n')).size - 1, pages]).toEqual([450, 450, 3]);
  });
});

describe('a download link', () => {
  const lines: string[] = [];
  const note = (...line: unknown[]): void => void lines.push(JSON.stringify(line));
  const logger: Logger = { ...silentLogger, debug: note, info: note, warn: note, error: note, child: () => logger };

  async function open() {
    const opened = await openTestApi({ access: { auth: 'keys', adminKey: null }, basePath: '/below', logger });
    onTestFinished(async () => await opened.close());
    const { key, secret } = await createKey(opened.store.apiKeys, { owner: 'acme', name: 'key', scopes: ['read'] });
    const headers = { Authorization: `Bearer ${secret}` };
    const make = async (query: string): Promise<string> => {
      const answer = await opened.api.app.request(`/history/export${query}`, { method: 'POST', headers });
      expect(answer.status).toBe(201);
      const { url, expires_at: expiresAt } = (await answer.json()) as ExportLinkBody;
      expect(url).toMatch(/^\/below\/history\/export\/[\w-]{43}$/);
      expect(Date.parse(expiresAt)).toBeGreaterThan(Date.now());
      return url.slice('/below'.length);
    };
    const follow = async (path: string, init: RequestInit = {}) => await opened.api.app.request(path, init);
    return { ...opened, key, make, follow };
  }

  it('gives the export of its query once, without a key', async () => {
    const { store, make, follow } = await open();
    for (const [prompt, ownerId] of [
      ['The old king', 'acme'],
      ['A fox', 'acme'],
      ['The king of others', 'other'],
    ] as const) {
      await store.jobs.submit(newJob({ prompt, ownerId }));
      await endNext(store);
    }
    const path = await make('?format=csv&q=king');
    const head = await follow(path, { method: 'HEAD' });
    expect([head.status, head.headers.get('Allow')]).toEqual([405, 'GET']);
    const answers = await Promise.all(Array.from({ length: 5 }, async () => await follow(path)));
    const [answer, ...others] = answers.filter(({ status }) => status === 200);
    expect(others).toEqual([]);
    expect(Object.fromEntries(answer?.headers ?? [])).toMatchObject({
      'content-type': 'text/csv; charset=utf-8; header=present',
      'content-disposition': 'attachment; filename="history.csv"',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
    });
    const [, ...rows] = ((await answer?.text()) ?? '').trimEnd().split('\r\n');
    expect(rows).toEqual([expect.stringContaining('The old king there')]);
    expect(answers.filter(({ status }) => status === 404)).toHaveLength(4);
    const whole = await (await follow(await make(''))).text();
    expect(whole.trimEnd().split('\n')).toHaveLength(2);
  });

  it('gets the same answer after its use, with a revoked key, and when it never was', async () => {
    const { store, key, make, follow } = await open();
    const [used, ofRevoked] = [await make(''), await make('')];
    await (await follow(used)).text();
    await store.apiKeys.revoke(key.id);
    const details: string[] = [];
    for (const path of [used, ofRevoked, `${used.slice(0, -1)}${used.endsWith('A') ? 'B' : 'A'}`, `${used}A`]) {
      const answer = await follow(path);
      const { code, detail } = (await answer.json()) as Problem;
      expect([answer.status, code]).toEqual([404, 'not_found']);
      details.push(detail);
    }
    expect(new Set(details)).toEqual(new Set(['This download link was used, or is older than 60 s. Export again.']));
    const page = await follow(used, { headers: { Accept: 'text/html' } });
    expect([page.status, page.headers.get('Content-Type')]).toEqual([404, 'text/html; charset=utf-8']);
  });

  it('is in no log', async () => {
    lines.length = 0;
    const { make, follow } = await open();
    const path = await make('?q=secret');
    for (let time = 1; time <= 2; time += 1) await (await follow(path)).text();
    const log = lines.join('\n');
    expect(log).toContain('/history/export/{token}');
    expect(log).not.toContain(path.slice('/history/export/'.length));
    expect(log).not.toContain('secret');
  });

  it('among too many unknown ones gets 429, and works afterwards', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const { make, follow } = await open();
    const path = await make('');
    const statusOf = async (token: string) => (await follow(`/history/export/${token}`)).status;
    const guesses = await Promise.all(
      Array.from({ length: 110 }, async (_, index) => await statusOf(`${index}`.padEnd(43, 'A'))),
    );
    expect([404, 429].map((status) => guesses.filter((each) => each === status).length)).toEqual([100, 10]);
    expect((await follow(path)).status).toBe(429);
    vi.advanceTimersByTime(1_000);
    expect((await follow(path)).status).toBe(200);
  });
});
