/** A steady load of all kinds of requests, and a measurement of the throughput. */
import type { Cluster } from './cluster.ts';
import { type Heard, LoadClient, type LoadOwner, longText, shortText } from './load-client.ts';
import type { Random } from './random.ts';
import { faultLasts } from './until.ts';

export interface Load {
  /** Counts the jobs that succeed within this time. */
  measure(ms: number): Promise<void>;
  sampleDepth(): Promise<void>;
  /** Resolves after the answer to the last call. */
  stop(): Promise<void>;
}

/**
 * The clients of all owners: far fewer than the workers can serve, so that a backlog shrinks until throughput equals
 * the load.
 */
const clients = 12;
const pauseMs = [300, 900] as const;
const sampleEveryMs = 1_000;
/** Longer than every outage. */
const streamLimitMs = 60_000;
/**
 * Shares of all submits, or of the submits with a key. Twins are sent at the same time to two APIs; a repetition is
 * sent when its job has gone on.
 */
const shareOf = {
  long: 0.2,
  generate: 0.3,
  streamed: 0.2,
  withoutKey: 0.2,
  twins: 0.2,
  canceled: 0.1,
  awaited: 0.5,
  repeated: 0.3,
  strange: 0.2,
  batched: 0.05,
} as const;
/** The range of the lines of a batch: few, because they count as jobs when throughput is measured. */
const batchLines = [2, 5] as const;

/** A job and its owner. */
interface Told {
  readonly id: string;
  readonly ownerId: string;
}

export interface LoadOptions {
  readonly cluster: Cluster;
  readonly random: Random;
  readonly owners: readonly LoadOwner[];
  /** Only requests that the first version knows: no streams and no batches. */
  readonly isOld?: boolean;
}

export function startLoad({ cluster, random, owners, isOld = false }: LoadOptions): Load {
  let isStopping = false;
  const told: Told[] = [];
  const running = owners.flatMap((owner) =>
    Array.from({ length: clients / owners.length }, async (_, index) => await runClient(owner, index)),
  );
  const sampling = setInterval(() => void sampleDepth().catch(() => undefined), sampleEveryMs);

  async function runClient(owner: LoadOwner, index: number): Promise<void> {
    const urls = () => cluster.apis.map(({ url }) => url);
    const { recorder } = cluster;
    const name = `client ${index} of ${owner.ownerId}`;
    const client = new LoadClient({ name, owner, urls, recorder });
    for (let number = 0; !isStopping; number += 1) {
      await faultLasts(random.between(pauseMs));
      // Different owners use the same keys.
      const id = await callOnce(client, `${index}-${number}`);
      if (id !== null) told.push({ id, ownerId: owner.ownerId });
      if (random.next() < shareOf.strange) await pry(client, owner);
    }
  }

  /** Reads one of the last jobs of another owner. */
  async function pry(client: LoadClient, { ownerId }: LoadOwner): Promise<void> {
    const strange = told.slice(-50).filter((job) => job.ownerId !== ownerId);
    if (strange.length === 0) return;
    const { id } = random.pick(strange);
    await (random.next() < 0.5 ? client.read(id) : client.cancel(id));
  }

  async function callBatch(client: LoadClient, name: string): Promise<void> {
    const key = random.next() < shareOf.withoutKey ? undefined : `batch-${name}`;
    const batch = { key, lines: Math.floor(random.between(batchLines)) };
    const submit = async () => await client.submitBatch(batch);
    const twins = key !== undefined && random.next() < shareOf.twins ? [submit, submit] : [submit];
    const [id = null] = await Promise.all(
      twins.map(async (twin) => (key === undefined ? (await twin()).id : await surely(twin))),
    );
    if (id === null) return;
    if (random.next() < shareOf.canceled) await client.cancelBatch(id);
    await client.readBatch(id, 10);
    if (key !== undefined && random.next() < shareOf.repeated) await submit();
  }

  /** @returns the id of the new job, if there is one and it is known */
  async function callOnce(client: LoadClient, key: string): Promise<string | null> {
    if (!isOld && random.next() < shareOf.batched) {
      await callBatch(client, key);
      return null;
    }
    const request = random.next() < shareOf.long ? longText : shortText;
    if (!isOld && random.next() < shareOf.streamed) {
      return (await client.stream({ key, request, withinMs: streamLimitMs })).id;
    }
    const options =
      random.next() < shareOf.generate ? ({ path: '/generate', waitSeconds: 10, request } as const) : { request };
    if (random.next() < shareOf.withoutKey) {
      return (await client.submit(options)).id;
    }
    const keyed = { ...options, key };
    const twins = random.next() < shareOf.twins ? [keyed, keyed] : [keyed];
    const [id = null] = await Promise.all(
      twins.map(async (twin) => await surely(async () => await client.submit(twin))),
    );
    if (id === null) return null;
    if (random.next() < shareOf.canceled) await client.cancel(id);
    if (random.next() < shareOf.awaited) await client.read(id, 10);
    if (random.next() < shareOf.repeated) await client.submit(keyed);
    await client.read(id);
    return id;
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

/**
 * Repeats a request with an unknown effect with its key, like a good client.
 * @returns null when the effect stays unknown
 */
async function surely(submit: () => Promise<Heard>): Promise<string | null> {
  let { id, status } = await submit();
  for (let tries = 0; id === null && (status === null || status >= 500) && tries < 5; tries += 1) {
    await faultLasts(1_000);
    ({ id, status } = await submit());
  }
  return id;
}
