/** Two versions of the service on the same data, under load. Numbers as in docs/guarantees.md. */
import { describe, expect, it } from 'vitest';
import type { Violation } from '../proof/history/check-history.ts';
import { migrateDatabase } from '../launch.ts';
import { checkOut, firstVersion } from '../upgrade/check-out.ts';
import type { Cluster, Node } from './cluster.ts';
import { launch, startedOn } from './fault-test.ts';
import { oldestOf } from './faults.ts';
import { startLoad } from './load.ts';
import { LoadClient, longText, shortText } from './load-client.ts';
import { createOwner, withKeys } from './owners.ts';
import { createRandom } from './random.ts';
import { scaled } from './scale.ts';
import { faultLasts, patience, until } from './until.ts';

/** The time under load of each mixture of versions. */
const phaseMs = scaled(2_000, 30_000);

/** Requests of every kind. Their keys are used again until the end of the run. */
const keptRequests = [
  shortText,
  longText,
  { ...shortText, seed: 7, temperature: 0.5, top_k: 20, top_p: 0.9, repetition_penalty: 1.1, stop: ['.', '\n'] },
  { prompt: 'The goose girl', max_length: 40, temperature: 1, stop: [] },
] as const;

interface KeptKey {
  readonly key: string;
  readonly request: (typeof keptRequests)[number];
  readonly id: string;
}

describe('an upgrade', () => {
  it('20: loses nothing while old processes run beside new ones, nor on the way back, and keys keep their jobs', async () => {
    const old = { checkout: await checkOut(firstVersion) };
    const runs = (['full', 'postgres'] as const).map(async (size) => await goThrough(size, old));
    expect(await Promise.all(runs)).toEqual([[], []]);
  });
});

/** @returns the checker's verdict */
async function goThrough(size: 'full' | 'postgres', old: { readonly checkout: string }): Promise<readonly Violation[]> {
  const environment = { ...withKeys, WORKERS: '4', SHUTDOWN_GRACE_SECONDS: '0' };
  const cluster = await launch({ size, apis: 1, workers: 1, environment, first: old });
  const owners = [await createOwner(cluster, 'ann'), await createOwner(cluster, 'bob')] as const;
  const load = startLoad({ cluster, random: createRandom(20), owners, isOld: true });
  const keys: KeptKey[] = [];
  const underLoad = async (): Promise<void> => {
    await faultLasts(phaseMs);
    for (const { url } of cluster.apis) {
      const client = new LoadClient({ name: 'keys', owner: owners[0], urls: () => [url], recorder: cluster.recorder });
      await useKeys(client, keys);
    }
  };
  await underLoad();

  await migrateDatabase({ DATABASE_URL: cluster.postgres.url });
  const [oldApi, oldWorker] = [oldestOf(cluster, 'apis'), oldestOf(cluster, 'workers')];
  const [newApi, newWorker] = await startBoth(cluster);
  await underLoad();
  await runsSome(oldWorker, newWorker);
  await freezeBusy(cluster, oldWorker);
  await Promise.all([cluster.stopNode(oldApi, 'SIGTERM'), cluster.stopNode(oldWorker, 'SIGKILL')]);
  await underLoad();

  const [, returned] = await startBoth(cluster, old);
  await underLoad();
  await runsSome(returned);
  await freezeBusy(cluster, newWorker);
  const codes = await Promise.all([newApi, newWorker].map(async (node) => await cluster.stopNode(node, 'SIGTERM')));
  expect(codes).toEqual([0, 0]);
  await underLoad();

  await load.stop();
  await cluster.settle(60_000);
  await expectNothingLost(cluster);
  return await cluster.verdict();
}

const startBoth = async (cluster: Cluster, options: { readonly checkout?: string } = {}) =>
  await Promise.all([cluster.startApi(options), cluster.startWorker(options)]);

const runsSome = async (...workers: readonly Node[]): Promise<void> => {
  const runSome = () => workers.every((worker) => startedOn(worker).length > 0);
  await until('jobs on the workers of each version', runSome, patience * 10_000);
};

/** Freezes a worker that holds jobs. The other version gets these jobs when the worker is then killed or stopped. */
async function freezeBusy(cluster: Cluster, { process }: Node): Promise<void> {
  const { workerId } = await process.logged({ msg: 'the worker takes jobs' });
  const holdsJobs = async () => {
    process.child.kill('SIGSTOP');
    const held = await cluster.sql(
      `select id from jobs where status = 'running' and worker_id = '${String(workerId)}'`,
    );
    if (held.length === 0) process.child.kill('SIGCONT');
    return held.length > 0;
  };
  await until('a worker with jobs', holdsJobs, patience * 10_000);
}

/** Repeats every request so far with its key, whichever version took it, and adds new ones. */
async function useKeys(client: LoadClient, keys: KeptKey[]): Promise<void> {
  for (const { key, request, id } of keys) {
    const again = await client.submit({ key, request });
    expect([again.id, again.headers.get('Idempotent-Replayed')]).toEqual([id, 'true']);
  }
  for (const request of keptRequests) {
    const key = `kept-${keys.length}`;
    const { status, id } = await client.submit({ key, request });
    expect(status).toBe(202);
    keys.push({ key, request, id: id ?? '' });
  }
}

async function expectNothingLost(cluster: Cluster): Promise<void> {
  const ended = await cluster.sql('select distinct status from jobs order by status');
  expect(ended).toEqual([{ status: 'canceled' }, { status: 'succeeded' }]);
  const reasons = cluster.recorder.history.flatMap((entry) => ('reason' in entry ? [entry.reason] : []));
  expect(reasons.filter((reason) => /^\d{3} /.test(reason) && !reason.startsWith('503 '))).toEqual([]);
  // The faults took effect: jobs crashed, and jobs were handed back.
  expect(await cluster.sql('select id from jobs where crash_count > 0 limit 1')).toHaveLength(1);
  expect(await cluster.sql('select id from jobs where released_count > 0 limit 1')).toHaveLength(1);
  expect(await cluster.sql('select job_id from job_events where attempt is null or actor is null')).toEqual([]);
  // Each version has found the texts of both in its own columns.
  const differing = await cluster.sql(`
    select jobs.id from jobs left join generation_records on job_id = jobs.id
      where (generated_text is not null or completion is not null or partial_text is not null or partial_completion is not null)
        and (generated_text = jobs.prompt || completion or partial_text = jobs.prompt || partial_completion) is not true`);
  expect(differing).toEqual([]);
}
