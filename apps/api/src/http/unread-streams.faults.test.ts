/** Many clients that open a stream and never read it: they cost little memory, and the streams of others go on. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createQueue } from '@prosemill/queue';
import { newJob, silentLogger, StreamClient, streamOf } from '@prosemill/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { openTestApi } from '../test-api.ts';
import { TestWorker } from '../test-streams.ts';
import { startServer } from './server.ts';

const readers = 500;
/** A text of 384 KiB, far longer than any context, in pieces as they come from a worker. */
const pieces = 96;
const pieceBytes = 4 * 1_024;
/** All unread texts together would be 188 MiB; the server cuts its slowest readers beyond 64 MiB. */
const maxGrowthBytes = 140 * 1_024 * 1_024;

async function openUnread(url: string, jobId: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  socket.pause();
  await once(socket, 'connect');
  socket.write(`GET /jobs/${jobId}/stream HTTP/1.1\r\nHost: x\r\n\r\n`);
  return socket;
}

it('500 clients that never read cost little memory, and another stream gets each piece in time', async () => {
  const { wakeUps, sender } = createQueue({ databaseUrl: 'sqlite:', redisUrl: undefined, logger: silentLogger });
  const opened = await openTestApi({ wakeUps, hints: sender });
  const { api, store } = opened;
  const server = await startServer({ api, host: '127.0.0.1', port: 0, logger: silentLogger });
  onTestFinished(async () => {
    await server.stop(1_000);
    await opened.close();
  });
  const openStreams = async (): Promise<number> => {
    const page = await (await fetch(`${server.url}/metrics`)).text();
    return Number(/^prosemill_streams (\d+)$/m.exec(page)?.[1]);
  };
  const { id } = await store.jobs.submit(newJob({ isWatched: true }));
  const worker = await TestWorker.claim(store, wakeUps);
  const unread = await Promise.all(Array.from({ length: readers }, async () => await openUnread(server.url, id)));
  onTestFinished(() => {
    for (const socket of unread) socket.destroy();
  });
  await expect.poll(openStreams).toBe(readers);

  const good = new StreamClient();
  const reading = good.read(streamOf({ url: server.url, jobId: id }));
  const before = process.memoryUsage.rss();
  let most = before;
  for (let piece = 1; piece <= pieces; piece += 1) {
    await worker.write(String(piece % 10).repeat(pieceBytes));
    await expect.poll(() => good.text.length, { interval: 5, timeout: 1_000 }).toBe(piece * pieceBytes);
    most = Math.max(most, process.memoryUsage.rss());
  }
  await worker.succeed();
  expect(await reading).toEqual({ type: 'completed' });
  expect(most - before).toBeLessThan(maxGrowthBytes);
});
