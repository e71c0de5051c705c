/** Streams whose connections, processes and servers break. Numbers as in docs/guarantees.md. */
import { join } from 'node:path';
import { type StreamClient, createTestFolder, writeGpt2Folder } from '@prosemill/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createHistoryRecorder } from '../proof/history/record-history.ts';
import { launchStandalone, type Service } from '../launch.ts';
import { type Cluster, defaultLimits, type Node, shortLeaseSeconds } from './cluster.ts';
import { clientOf, expectAllSucceeded, expectNoViolation, launch, startedOn } from './fault-test.ts';
import { oldestOf } from './faults.ts';
import { LoadClient, longText } from './load-client.ts';
import { createRandom } from './random.ts';
import { redisCommand } from './redis-command.ts';
import type { Streamed, StreamOptions } from './stream-job.ts';

/** A stream with some text, and more to come. */
interface BegunStream {
  readonly jobId: string;
  /** The address of its connection. */
  readonly url: string;
}

interface OpenedStream {
  /** Null: the stream ended before. */
  readonly begun: Promise<BegunStream | null>;
  readonly streamed: Promise<Streamed>;
}

const cuts = 10;
let keys = 0;

function openStream(client: LoadClient, options: Partial<StreamOptions> = {}): OpenedStream {
  const { promise, resolve } = Promise.withResolvers<BegunStream>();
  const onEvent = ({ text, job, url }: StreamClient): void => {
    if (text !== '' && job !== null) resolve({ jobId: job.id, url });
  };
  keys += 1;
  const streamed = client.stream({ key: `stream-${keys}`, request: longText, onEvent, ...options });
  return { begun: Promise.race([promise, streamed.then(() => null)]), streamed };
}

/** Opens streams, and breaks something as soon as the first of their texts has begun. */
async function breakStreams(
  client: LoadClient,
  count: number,
  fault: (begun: BegunStream) => Promise<unknown>,
): Promise<readonly Promise<Streamed>[]> {
  const opened = Array.from({ length: count }, () => openStream(client));
  const begun = await Promise.race(opened.map((stream) => stream.begun));
  if (begun === null) throw new Error('A stream ended before its text was seen to begin.');
  await fault(begun);
  return opened.map(({ streamed }) => streamed);
}

function apiOf({ apis }: Cluster, { url }: BegunStream): Node {
  const api = apis.find((each) => url.startsWith(each.url));
  if (api === undefined) throw new Error(`No API has the address ${url}.`);
  return api;
}

/** The worker that has started this job. */
function workerOf({ workers }: Cluster, { jobId }: BegunStream): Node {
  const worker = workers.find((each) => startedOn(each).includes(jobId));
  if (worker === undefined) throw new Error(`No worker has started job ${jobId}.`);
  return worker;
}

/** Cuts ten connections after a random number of bytes, then none. */
function tenCuts(seed: number): Pick<StreamOptions, 'cutAfterBytes'> {
  const random = createRandom(seed);
  return { cutAfterBytes: (done) => (done < cuts ? Math.round(random.between([1, 2_500])) : Number.POSITIVE_INFINITY) };
}

/** Expects the text of the job in the stream, and the same stream from every API when the job has ended. */
async function expectWholeText(client: LoadClient, { client: { text }, id, isCompleted }: Streamed): Promise<void> {
  expect(isCompleted).toBe(true);
  const { body } = await client.read(id ?? '');
  expect(body).toMatchObject({ status: 'succeeded', output: { generated_text: `${longText.prompt}${text}` } });
  // From both APIs.
  const reloads = await Promise.all([1, 2].map(async () => await client.readStream(id ?? '')));
  for (const { client: again, ending } of reloads) {
    expect([ending.type, again.text, again.resets]).toEqual(['completed', text, 0]);
  }
}

const attemptsOf = async (cluster: Cluster, column: 'crash_count' | 'released_count'): Promise<number> =>
  (await cluster.sql(`select id from jobs where ${column} > 0`)).length;

describe('streams', () => {
  it.each(['full', 'postgres'] as const)(
    'lose and repeat no character when connections are cut and processes are killed or stopped (%s)',
    async (size) => {
      const environment = { WORKERS: '8', SHUTDOWN_GRACE_SECONDS: '0' };
      const cluster = await launch({ size, apis: 2, workers: 2, environment });
      const client = clientOf(cluster);
      const cut = [1, 2].map((seed) => openStream(client, tenCuts(seed)).streamed);
      const apiKilled = await breakStreams(client, 4, async (begun) => {
        await cluster.stopNode(apiOf(cluster, begun), 'SIGKILL');
        await cluster.startApi();
      });
      const workerKilled = await breakStreams(client, 4, async (begun) => {
        await cluster.stopNode(workerOf(cluster, begun), 'SIGKILL');
        await cluster.startWorker();
      });
      const apiStopped = await breakStreams(client, 4, async (begun) => {
        expect(await cluster.stopNode(apiOf(cluster, begun), 'SIGTERM')).toBe(0);
        await cluster.startApi();
      });
      const workerStopped = await breakStreams(client, 4, async (begun) => {
        expect(await cluster.stopNode(workerOf(cluster, begun), 'SIGTERM')).toBe(0);
        await cluster.startWorker();
      });
      const all = [...cut, ...apiKilled, ...workerKilled, ...apiStopped, ...workerStopped];
      for (const streamed of await Promise.all(all)) await expectWholeText(client, streamed);
      // The faults have happened.
      for (const { endings } of await Promise.all(cut)) {
        expect(endings.filter(({ type }) => type === 'cut')).toHaveLength(cuts);
      }
      for (const broken of [apiKilled, apiStopped]) {
        const connections = (await Promise.all(broken)).map((streamed) => streamed.client.connections);
        expect(Math.max(...connections)).toBeGreaterThan(1);
      }
      expect(await attemptsOf(cluster, 'crash_count')).toBeGreaterThan(0);
      expect(await attemptsOf(cluster, 'released_count')).toBeGreaterThan(0);
      await expectAllSucceeded(cluster, all.length);
      await expectNoViolation(cluster);
    },
  );

  it('lose and repeat no character when the one process on SQLite is killed and stopped', async () => {
    const url = `sqlite:${join(await createTestFolder(), 'prosemill.db')}`;
    let service: Service;
    const start = async (): Promise<void> => {
      service = await launchStandalone({
        DATABASE_URL: url,
        LEASE_SECONDS: String(shortLeaseSeconds),
        SHUTDOWN_GRACE_SECONDS: '0',
        WORKERS: '8',
      });
    };
    await start();
    onTestFinished(async () => void (await service.stop('SIGKILL')));
    const recorder = createHistoryRecorder({ limits: defaultLimits });
    const client = new LoadClient({ name: 'client', urls: () => [service.url], recorder });
    const cut = openStream(client, tenCuts(1)).streamed;
    const broken: Promise<Streamed>[] = [];
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      const streams = await breakStreams(client, 4, async () => {
        await service.stop(signal);
        await start();
      });
      broken.push(...streams);
    }
    for (const streamed of await Promise.all([cut, ...broken])) await expectWholeText(client, streamed);
    expect(recorder.history.filter(({ type }) => type === 'stream-breach')).toEqual([]);
  });

  it('go on while Redis is emptied and away', async () => {
    const cluster = await launch({ environment: { WORKERS: '8' } });
    const client = clientOf(cluster);
    const emptied = await breakStreams(client, 4, async () => await redisCommand(cluster.redis?.url ?? '', 'FLUSHALL'));
    const away = await breakStreams(client, 4, async () => await cluster.redis?.crash());
    for (const streamed of await Promise.all([...emptied, ...away])) await expectWholeText(client, streamed);
    await cluster.redis?.restart();
    await expectNoViolation(cluster);
  });

  it('say when the text begins anew, because another model runs the job again', async () => {
    const folder = await createTestFolder();
    await writeGpt2Folder(folder, { config: { n_positions: 512 } });
    const cluster = await launch({ workers: 1 });
    const client = clientOf(cluster);
    const [streaming] = await breakStreams(client, 1, async () => {
      await cluster.stopNode(oldestOf(cluster, 'workers'), 'SIGKILL');
      await cluster.startWorker({ environment: { MODEL: folder, MODEL_DTYPE: 'fp32' } });
    });
    const streamed = await streaming;
    expect(streamed?.client.resets).toBe(1);
    if (streamed !== undefined) await expectWholeText(client, streamed);
    await expectNoViolation(cluster);
  });

  it('of one key at two APIs are streams of one job', async () => {
    const cluster = await launch({ apis: 2, workers: 2 });
    const client = clientOf(cluster);
    const opened = Array.from({ length: 20 }, async () => await client.stream({ key: 'one', request: longText }));
    const [first, ...others] = await Promise.all(opened);
    if (first === undefined) throw new TypeError('There is no stream.');
    await expectWholeText(client, first);
    for (const { id, client: other } of others) expect([id, other.text]).toEqual([first.id, first.client.text]);
    expect(cluster.startsOf(first.id ?? '')).toBe(1);
    await expectAllSucceeded(cluster, 1);
    await expectNoViolation(cluster);
  });
});
