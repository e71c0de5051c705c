/** The client in an edge runtime: workerd, in which Cloudflare runs Workers. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient, type ProsemillError } from '@prosemill/client';
import { startTcpProxy } from '@prosemill/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { LoggedProcess } from '../launch.ts';
import { launchEmbedded } from '../sizes.ts';
import { bundleClient } from './bundle-client.ts';

const require = createRequire(import.meta.url);
const workerd = require('workerd') as {
  /** The path of the binary for this platform. */
  readonly default: string;
  /** The newest one of the binary. */
  readonly compatibilityDate: string;
};

/**
 * Since 2026 a worker has Node's globals and modules unless flags refuse them: the client does not need them. The
 * default network has public addresses only.
 */
const config = `
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "worker", worker = (
      modules = [(name = "worker", esModule = embed "worker.js")],
      compatibilityDate = "${workerd.compatibilityDate}",
      compatibilityFlags = ["no_nodejs_compat", "no_nodejs_compat_v2"],
    )),
    (name = "internet", network = (allow = ["private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "worker")],
);
`;

interface Setup {
  readonly createClient: typeof createClient;
  readonly url: string;
  /** A request to it cuts all connections with `url`. */
  readonly cutUrl: string;
}

/** Uses the verbs. The runtime gets this function as text, so it refers to nothing but its parameter. */
async function useClient({ createClient: create, url, cutUrl }: Setup) {
  let losses = 0;
  const client = create({ url, retryForMs: 30_000, onRetry: () => (losses += 1) });
  const request = { prompt: 'A fox in the snow', max_new_tokens: 8, seed: 7 };
  const long = { ...request, max_new_tokens: 480 };

  const waited = await client.wait((await client.submit(request)).id);
  const generated = await client.generate(request);
  const streamed = { id: '', completion: '' };
  while (losses === 0) {
    for await (const event of client.stream(long)) {
      if (event.type === 'token' && losses === 0) await fetch(cutUrl);
      if (event.type === 'completed') Object.assign(streamed, { id: event.job.id, completion: event.completion });
    }
  }
  const { id } = await client.submit(long);
  await client.cancel(id);
  const canceled = await client.wait(id);
  const refusal = await client.submit({ prompt: 'I hate it' }).catch(({ code }: ProsemillError) => code);
  const found = await Array.fromAsync(client.search('snow'));
  const records = await Array.fromAsync(client.history());
  const runtime = { name: navigator.userAgent, process: typeof process, buffer: typeof Buffer };
  return { runtime, waited, generated, streamed, canceled, refusal, found, records };
}

/** Starts a server that calls `cut` for each request. @returns its address */
async function listenForCuts(cut: () => void): Promise<string> {
  const server = createServer((_request, response) => {
    cut();
    response.end();
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** @returns the answer of a worker to one request */
async function answerOf(worker: string): Promise<Response> {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-edge-'));
  onTestFinished(async () => await rm(folder, { recursive: true }));
  await writeFile(join(folder, 'worker.js'), worker);
  await writeFile(join(folder, 'config.capnp'), config);
  const args = ['serve', '--verbose', '--control-fd=1', join(folder, 'config.capnp')];
  const runtime = new LoggedProcess(spawn(workerd.default, args, { stdio: ['ignore', 'pipe', 'pipe'] }));
  onTestFinished(async () => void (await runtime.stop()));
  const { port } = await runtime.logged({ event: 'listen', socket: 'http' });
  const answer = await fetch(`http://127.0.0.1:${String(port)}`);
  if (!answer.ok) throw new Error(runtime.transcript());
  return answer;
}

it('works in an edge runtime, and goes on after a cut', async () => {
  const service = await launchEmbedded();
  const proxy = await startTcpProxy(service.url);
  onTestFinished(async () => {
    await proxy.stop();
    await service.stop('SIGKILL');
  });
  const addresses = { url: proxy.url, cutUrl: await listenForCuts(() => proxy.reset()) };
  const { code } = await bundleClient(fileURLToPath(import.meta.resolve('@prosemill/client')));
  const answer = await answerOf(`${code}
    const setup = { ...prosemill, ...${JSON.stringify(addresses)} };
    const useClient = ${useClient.toString()};
    export default { fetch: async () => Response.json(await useClient(setup)) };
  `);
  const used = (await answer.json()) as Awaited<ReturnType<typeof useClient>>;

  expect(used).toMatchObject({
    runtime: { name: 'Cloudflare-Workers', process: 'undefined', buffer: 'undefined' },
    waited: { status: 'succeeded' },
    canceled: { status: 'canceled' },
    refusal: 'prompt_refused',
  });
  const client = createClient({ url: service.url });
  const { generated, streamed, waited, canceled } = used;
  expect((await client.job(generated.job_id)).output?.generated_text).toBe(generated.generated_text);
  expect((await client.job(streamed.id)).output?.completion).toBe(streamed.completion);
  expect(used.found).toEqual(await Array.fromAsync(client.search('snow')));
  expect(used.found).toEqual(expect.arrayContaining([waited, canceled]));
  expect(used.records).toEqual(await Array.fromAsync(client.history()));
});
