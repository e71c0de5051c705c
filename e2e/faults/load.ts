/** A steady load of every kind of request, and how fast it is worked off. */
import type { Cluster } from './cluster.ts';
import { LoadClient, longText, shortText } from './load-client.ts';
import type { Random } from './random.ts';
import { faultLasts } from './until.ts';

export interface Load {
  /** Counts the jobs that succeed within so many milliseconds. */
  measure(ms: number): Promise<void>;
  sampleDepth(): Promise<void>;
  /** Resolves when the last call has its answer. */
  stop(): Promise<void>;
}

/** Far less than the workers can do, so that a backlog is worked off and throughput is the load again. */
const clients = 12;
const pauseMs = [300, 900] as const;
const sampleEveryMs = 1_000;
const callTimeoutMs = 20_000;

export function startLoad(cluster: Cluster, random: Random): Load {
  let isStopping = false;
  const running = Array.from({ length: clients }, async (_, index) => await runClient(`client ${index}`, index));
  const sampling = setInterval(() => void sampleDepth().catch(() => undefined), sampleEveryMs);

  async function runClient(name: string, index: number): Promise<void> {
    const urls = () => cluster.apis.map(({ url }) => url);
    const client = new LoadClient({ name, urls, recorder: cluster.recorder, timeoutMs: callTimeoutMs });
    for (let number = 0; !isStopping; number += 1) {
      await faultLasts(random.between(pauseMs));
      await callOnce(client, `${index}-${number}`);
    }
  }

  async function callOnce(client: LoadClient, name: string): Promise<void> {
    const request = random.next() < 0.2 ? longText : shortText;
    if (random.next() < 0.3) {
      await client.submit({ path: '/generate', waitSeconds: 10, request });
      return;
    }
    // What is unknown is asked again with its key, as a good client does.
    let { id, status } = await client.submit({ key: name, request });
    for (let tries = 0; id === null && (status === null || status >= 500) && tries < 5; tries += 1) {
      await faultLasts(1_000);
      ({ id, status } = await client.submit({ key: name, request }));
    }
    if (id === null) return;
    if (random.next() < 0.1) await client.cancel(id);
    if (random.next() < 0.5) await client.read(id, 10);
    await client.read(id);
  }

  async function sampleDepth(): Promise<void> {
    cluster.recorder.add({ type: 'gauge', name: 'depth', value: await cluster.countOpen() });
  }

  return {
    sampleDepth,
    async measure(ms) {
      const before = await cluster.countSucceeded();
      const startedAtMs = Date.now();
      await faultLasts(ms);
      const finishedJobs = (await cluster.countSucceeded()) - before;
      cluster.recorder.add({ type: 'throughput', startedAtMs, finishedJobs });
      process.stdout.write(`${((finishedJobs * 1_000) / ms).toFixed(2)} jobs a second\n`);
    },
    async stop() {
      isStopping = true;
      clearInterval(sampling);
      await Promise.all(running);
    },
  };
}
