import { csvValue, type ExportedTextBody } from '@prosemill/contract';
import { newJob } from '@prosemill/testkit';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
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
