/** An export of a million texts needs no more memory in the client than one of a few. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { createClient } from '@prosemill/client';
import { measureMemory, type Memory } from '@prosemill/testkit';
import { expect, it, onTestFinished } from 'vitest';

const count = 1_000_000;
const parts = 10;
/** The answer has 300 MB. This process, which is the server too, keeps some memory that it does not use any more. */
const maxGrowthMiB = { used: 16, resident: 150 } as const;

/** The answer of the service, whose own memory is measured in apps/api. */
function* lines() {
  const text = 'Once upon a time there was a king who was very happy, and went home. '.repeat(2);
  const rest = { prompt: 'Once upon a time', generated_text: text, model_name: 'tiny-tales', metadata: {} };
  for (let id = count; id > 0; id -= 1) yield `${JSON.stringify({ id, ...rest })}\n`;
}

it('has constant memory in the client', async () => {
  const server = createServer((_request, response) => {
    response.setHeader('Content-Type', 'application/jsonl');
    Readable.from(lines(), { objectMode: false }).pipe(response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const client = createClient({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  const memory: Memory[] = [];
  let expected = count;
  for await (const { id } of client.export()) {
    if (id !== expected) throw new Error(`The text ${expected} is missing.`);
    expected -= 1;
    if (expected % (count / parts) === 0) memory.push(measureMemory());
  }
  expect([expected, memory.length]).toEqual([0, parts]);
  const [first, last] = [memory[1] as Memory, memory.at(-1) as Memory];
  expect(last.used - first.used).toBeLessThan(maxGrowthMiB.used);
  expect(last.resident - first.resident).toBeLessThan(maxGrowthMiB.resident);
}, 120_000);
