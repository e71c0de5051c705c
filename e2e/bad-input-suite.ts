/** Bad input of every sort gets the right code and a problem document, and never a 5xx. */
import { connect } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import type { Problem } from '@prosemill/contract';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createClient, type Request, type RequestOptions } from './http-client.ts';
import type { Service } from './launch.ts';

type Row = [name: string, path: string, options: RequestOptions, status: number, code: string, pointer?: string];

const json = (value: unknown): RequestOptions => ({ json: value });
const prompt = (value: unknown, rest: object = {}): RequestOptions => json({ prompt: value, ...rest });
const keyed = (key: string): RequestOptions => ({ ...prompt('a'), headers: { 'Idempotency-Key': key } });
const raw = (body: string | Uint8Array<ArrayBuffer>, contentType = 'application/json'): RequestOptions => ({
  body,
  headers: { 'Content-Type': contentType },
});

const rows: readonly Row[] = [
  ['an empty prompt', '/generate', prompt(''), 422, 'invalid_request', '/prompt'],
  ['501 characters', '/generate', prompt('a'.repeat(501)), 422, 'invalid_request', '/prompt'],
  ['501 emoji', '/generate', prompt('🦊'.repeat(501)), 422, 'invalid_request', '/prompt'],
  ['500 emoji, which are too many tokens', '/generate', prompt('🦊'.repeat(500)), 422, 'context_length_exceeded'],
  ['U+0000', '/generate', raw('{"prompt":"a\\u0000b"}'), 422, 'invalid_request', '/prompt'],
  ['a lone surrogate', '/generate', raw('{"prompt":"a\\ud800b"}'), 422, 'invalid_request', '/prompt'],
  ['U+0000 in a stop string', '/generate', raw('{"prompt":"a","stop":["\\u0000"]}'), 422, 'invalid_request', '/stop/0'],
  ['no prompt', '/generate', json({}), 422, 'invalid_request', '/prompt'],
  ['a number for a prompt', '/generate', prompt(42), 422, 'invalid_request', '/prompt'],
  ['null for a prompt', '/jobs', prompt(null), 422, 'invalid_request', '/prompt'],
  ['an array for a body', '/generate', json(['a']), 422, 'invalid_request', ''],
  ['a string for a body', '/generate', json('a'), 422, 'invalid_request', ''],
  ['null for a body', '/generate', json(null), 422, 'invalid_request', ''],
  ['an unknown field', '/generate', prompt('a', { 'temp/erature': 1 }), 422, 'invalid_request', '/temp~1erature'],
  ['__proto__', '/generate', raw('{"prompt":"a","__proto__":{"x":1}}'), 422, 'invalid_request', '/__proto__'],
  ['a string for a number', '/generate', prompt('a', { max_length: '50' }), 422, 'invalid_request', '/max_length'],
  ['a fraction of a token', '/generate', prompt('a', { max_length: 50.5 }), 422, 'invalid_request', '/max_length'],
  ['max_length under its range', '/generate', prompt('a', { max_length: 9 }), 422, 'invalid_request', '/max_length'],
  ['max_length over its range', '/generate', prompt('a', { max_length: 201 }), 422, 'invalid_request', '/max_length'],
  ['temperature over its range', '/jobs', prompt('a', { temperature: 2.1 }), 422, 'invalid_request', '/temperature'],
  ['top_p of 0', '/jobs', prompt('a', { top_p: 0 }), 422, 'invalid_request', '/top_p'],
  ['a seed of 33 bits', '/jobs', prompt('a', { seed: 2 ** 32 }), 422, 'invalid_request', '/seed'],
  [
    'a number beyond doubles',
    '/jobs',
    raw('{"prompt":"a","temperature":1e999}'),
    422,
    'invalid_request',
    '/temperature',
  ],
  ['five stop strings', '/jobs', prompt('a', { stop: ['a', 'b', 'c', 'd', 'e'] }), 422, 'invalid_request', '/stop'],
  ['an empty stop string', '/jobs', prompt('a', { stop: [''] }), 422, 'invalid_request', '/stop/0'],
  ['more new tokens than fit', '/jobs', prompt('a', { max_new_tokens: 512 }), 422, 'context_length_exceeded'],
  ['absurdly many new tokens', '/jobs', prompt('a', { max_new_tokens: 2 ** 53 - 1 }), 422, 'context_length_exceeded'],
  [
    'a prompt as long as max_length',
    '/jobs',
    prompt('sea '.repeat(20), { max_length: 10 }),
    422,
    'context_length_exceeded',
  ],
  ['an empty idempotency key', '/jobs', keyed(''), 400, 'invalid_header'],
  ['an idempotency key of 256 characters', '/generate', keyed('k'.repeat(256)), 400, 'invalid_header'],
  ['an idempotency key with a space', '/jobs', keyed('a b'), 400, 'invalid_header'],
  ['an idempotency key beyond ASCII', '/generate', keyed('naïve'), 400, 'invalid_header'],
  ['a forbidden word', '/jobs', prompt('I h a t e this'), 400, 'prompt_refused'],
  [
    'a number beyond 2^53',
    '/jobs',
    prompt('a', { max_new_tokens: 2 ** 53 + 2 }),
    422,
    'invalid_request',
    '/max_new_tokens',
  ],
  ['a field of a later version', '/jobs', prompt('a', { tools: [] }), 422, 'invalid_request', '/tools'],
  ['a webhook by FTP', '/jobs', prompt('a', { webhook_url: 'ftp://x' }), 422, 'invalid_request', '/webhook_url'],
  ['broken JSON', '/generate', raw('{"prompt":'), 400, 'invalid_json'],
  ['an empty body', '/generate', raw(''), 400, 'invalid_json'],
  ['bytes that are not UTF-8', '/generate', raw(Uint8Array.from([0x22, 0xff, 0x22])), 400, 'invalid_json'],
  ['a form', '/generate', raw('prompt=a', 'application/x-www-form-urlencoded'), 415, 'unsupported_media_type'],
  ['JSON in UTF-16', '/generate', raw('{}', 'application/json; charset=utf-16'), 415, 'unsupported_media_type'],
  ['no content type', '/jobs', { method: 'POST' }, 415, 'unsupported_media_type'],
  ['a megabyte', '/generate', prompt('a'.repeat(1_000_000)), 413, 'body_too_large'],
  ['a wrong method', '/generate', { method: 'GET' }, 405, 'method_not_allowed'],
  ['DELETE on a list', '/history', { method: 'DELETE' }, 405, 'method_not_allowed'],
  ['PUT on a job', '/jobs/x', { method: 'PUT' }, 405, 'method_not_allowed'],
  ['an unknown path', '/nope', {}, 404, 'not_found'],
  ['a slash too many', '/jobs/', {}, 404, 'not_found'],
  ['a malformed job id', '/jobs/42', {}, 404, 'not_found'],
  ['an unknown job id', '/jobs/00000000-0000-7000-8000-000000000000', {}, 404, 'not_found'],
  ['broken percent-encoding', '/jobs/%E0%A4%A', {}, 404, 'not_found'],
  ['NUL in a path', '/jobs/%00', {}, 404, 'not_found'],
  ['canceling an unknown job', '/jobs/42/cancel', { method: 'POST' }, 404, 'not_found'],
  ['an unknown text', '/history/999999', {}, 404, 'not_found'],
  ['a text id beyond integers', '/history/99999999999999999999', {}, 404, 'not_found'],
  ['a malformed text id', '/history/x', {}, 404, 'not_found'],
  ['an unknown download link', `/history/export/${'a'.repeat(43)}`, {}, 404, 'not_found'],
  ['a malformed download link', '/history/export/x', {}, 404, 'not_found'],
  ['a limit that is no number', '/history?limit=x', {}, 422, 'invalid_request', '/limit'],
  ['a limit under its range', '/history?limit=0', {}, 422, 'invalid_request', '/limit'],
  ['a limit over its range', '/jobs?limit=101', {}, 422, 'invalid_request', '/limit'],
  ['a limit with a sign', '/jobs?limit=%2B5', {}, 422, 'invalid_request', '/limit'],
  ['two limits', '/jobs?limit=5&limit=6', {}, 422, 'invalid_request', '/limit'],
  ['a made-up cursor', '/jobs?cursor=bm9wZQ', {}, 422, 'invalid_request', '/cursor'],
  ['a cursor of the other list', `/jobs?cursor=${'0'.repeat(25)}`, {}, 422, 'invalid_request', '/cursor'],
  ['an unknown status', '/jobs?status=done', {}, 422, 'invalid_request', '/status/0'],
  ['an unknown parameter', '/jobs?query=fox', {}, 422, 'invalid_request', '/query'],
  ['a batch id that is no UUID', '/jobs?batch_id=1', {}, 422, 'invalid_request', '/batch_id'],
  ['a word for a dry run', '/jobs?dry_run=yes', prompt('a'), 422, 'invalid_request', '/dry_run'],
  ['a list for metadata', '/jobs', prompt('a', { metadata: ['a'] }), 422, 'invalid_request', '/metadata'],
  [
    'an unknown on_disconnect',
    '/jobs',
    prompt('a', { on_disconnect: 'wait' }),
    422,
    'invalid_request',
    '/on_disconnect',
  ],
  ['a retry of nothing', '/jobs/1/retry', { method: 'POST' }, 404, 'not_found'],
  ['a retry of another prompt', '/jobs/1/retry', prompt('a'), 422, 'invalid_request', '/prompt'],
  ['a verification of nothing', '/jobs/1/verify', { method: 'POST' }, 404, 'not_found'],
  ['an unknown parameter', '/generate?x', prompt('a'), 422, 'invalid_request', '/x'],
  ['an unknown parameter', '/health?verbose=1', {}, 422, 'invalid_request', '/verbose'],
  ['a parameter without a name', '/livez?=1', {}, 422, 'invalid_request', '/'],
  ['a date without a time', '/jobs?created_after=2026-01-01', {}, 422, 'invalid_request', '/created_after'],
  ['a wait of 0', '/jobs/42?wait=0', {}, 422, 'invalid_request', '/wait'],
  ['a wait of an hour', '/jobs/42?wait=3600', {}, 422, 'invalid_request', '/wait'],
];

export function describeBadInput(size: string, launch: () => Promise<Service>): void {
  describe(`bad input, ${size}`, () => {
    let service: Service;
    let request: Request;

    beforeAll(async () => {
      service = await launch();
      request = await createClient(service.url);
      // The API counts tokens once a worker has stored its model.
      await vi.waitFor(
        async () => {
          expect((await request<{ model: unknown }>('/health')).body.model).not.toBeNull();
        },
        { timeout: 60_000, interval: 100 },
      );
    });
    afterAll(async () => {
      await service.stop();
    });

    it.each(rows)('answers %s (%s) with %o → %i %s', async (...row: Row) => {
      const [, path, options, status, code, pointer] = row;
      const { headers, body, ...answer } = await request<Problem>(path, options);
      expect([answer.status, body?.code]).toEqual([status, code]);
      expect(headers.get('Content-Type')).toBe('application/problem+json');
      expect(body).toMatchObject({ status, instance: path.split('?')[0], request_id: headers.get('X-Request-Id') });
      expect(body.detail.length).toBeGreaterThan(10);
      expect([headers.get('x-should-retry'), headers.get('retry-after-ms')]).toEqual(['false', '0']);
      if (pointer !== undefined) {
        expect(body.errors.map((error) => error.pointer)).toContain(pointer);
        const told = body.errors.map((error) => `${error.pointer} ${error.code}`);
        expect(told).toEqual([...new Set(told)]);
      }
      if (status === 405) expect(headers.get('Allow')).toMatch(/GET|POST/);
    });

    it('names both numbers when the context is too small', async () => {
      const { body } = await request<Problem>('/jobs', prompt('a', { max_new_tokens: 512 }));
      expect(body).toMatchObject({ prompt_tokens: 1, limit: 512 });
    });

    it('echoes a request id that is well-formed and replaces one that is not', async () => {
      const echoed = await request('/livez', { headers: { 'X-Request-Id': 'my_id-1' } });
      expect(echoed.headers.get('X-Request-Id')).toBe('my_id-1');
      const replaced = await request('/livez', { headers: { 'X-Request-Id': 'no good\u00E9' } });
      expect(replaced.headers.get('X-Request-Id')).toMatch(/^[\da-f-]{36}$/);
    });

    it('refuses a body that grows past the limit without a Content-Length', async () => {
      const { hostname, port } = new URL(service.url);
      const answer = await new Promise<string>((resolve, reject) => {
        let text = '';
        const socket = connect(Number(port), hostname, () => void send());
        const send = async (): Promise<void> => {
          socket.write(
            'POST /generate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
          );
          const chunk = `4000\r\n${'a'.repeat(0x40_00)}\r\n`;
          for (let index = 0; index < 8 && text === ''; index += 1) {
            socket.write(chunk);
            await setImmediate();
          }
          if (text === '') socket.write('0\r\n\r\n');
        };
        socket.on('data', (data) => {
          text += data.toString();
          if (text.includes('body_too_large')) socket.end();
        });
        socket.on('close', () => resolve(text));
        // The service closes the connection while the client still writes.
        socket.on('error', (error) => (text === '' ? reject(error) : undefined));
      });
      expect(answer).toContain('HTTP/1.1 413');
    });

    it('stores none of these requests', async () => {
      expect((await request<{ data: unknown[] }>('/jobs')).body.data).toEqual([]);
    });

    it('keeps prompts out of the log', async () => {
      const canary = 'xylophone-canary';
      await request('/generate', prompt(`${canary} ${'a'.repeat(500)}`));
      await request('/generate', prompt(`${canary} is what I hate`));
      await request('/generate', raw(`{"prompt": "${canary}`));
      await request('/generate', prompt(canary, { max_new_tokens: 2 }));
      for (const process of service.processes) expect(process.transcript()).not.toContain(canary);
    });
  });
}
