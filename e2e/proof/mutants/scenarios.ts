/**
 * Scenarios: the shortest story of two workers that shows each bug of the store. Without the bug, none breaks a
 * promise.
 */
import { startTcpProxy } from '@prosemill/testkit';
import type { History } from '../history/history.ts';
import type { MutantName } from './mutants.ts';
import { afterLeaseMs, holdRow, leaseMs, ScenarioWorld } from './scenario-world.ts';

type Scenario = (world: ScenarioWorld) => Promise<void>;

export const scenarios = {
  /** A's lease runs out, B gets the job, and A's result comes while B is at work. */
  async 'no-attempt-in-guard'(world) {
    const early = world.open();
    await world.submit(early);
    const first = await world.claimSome(early, 'A');
    world.travel(afterLeaseMs);
    const late = world.open();
    await late.jobs.rescueLostJobs(10);
    const second = await world.claimSome(late, 'B');
    await world.complete(late, first, 'A');
    await world.complete(late, second, 'B');
  },

  /** A's lease runs out, and A's result comes when the job is back in the queue. */
  async 'no-status-in-guard'(world) {
    const early = world.open();
    await world.submit(early);
    const first = await world.claimSome(early, 'A');
    world.travel(afterLeaseMs);
    const late = world.open();
    await late.jobs.rescueLostJobs(10);
    await world.complete(late, first, 'A');
    await world.complete(late, await world.claim(late, 'B'), 'B');
  },

  /** A's lease has run out, and A renews it at the moment at which B's reconciler reads it. */
  async 'lease-not-checked-again'(world) {
    const early = world.open();
    await world.submit(early);
    const first = await world.claimSome(early, 'A');
    world.travel(afterLeaseMs);
    const [storeOfA, storeOfB] = [world.open(), world.open()];
    const moment = await holdRow(world, first.id);
    const untilMs = Date.now() + afterLeaseMs + leaseMs;
    const renewed = storeOfA.jobs.renew(first, leaseMs);
    await moment.waiting(1);
    let isRescued = false;
    const rescued = storeOfB.jobs.rescueLostJobs(10).finally(() => (isRescued = true));
    await moment.waiting(2, () => isRescued);
    await moment.end();
    if ((await renewed) !== null) {
      world.recorder.add({ type: 'lease', jobId: first.id, attempt: first.attempt, untilMs });
    }
    await rescued;
    const second = await world.claim(storeOfB, 'B');
    await world.complete(storeOfA, first, 'A');
    await world.complete(storeOfB, second, 'B');
  },

  /** A releases the job, and B runs it. */
  async 'no-new-epoch'(world) {
    const store = world.open();
    await world.submit(store);
    await world.complete(store, await world.claim(store, 'A'), 'A', { type: 'released' });
    await world.complete(store, await world.claim(store, 'B'), 'B');
  },

  /** The API's connection breaks just after the submit was answered. */
  async 'acknowledged-before-written'(world) {
    const proxy = await startTcpProxy(world.url);
    const store = world.open(proxy.url);
    await store.requireReady();
    proxy.setLatency({ toServerMs: 50, toClientMs: 0 });
    await world.submit(store);
    proxy.reset();
    await proxy.heal();
    const worker = world.open();
    await world.complete(worker, await world.claim(worker, 'A'), 'A');
    await store.stop();
    await proxy.stop();
  },

  /** A client gets no answer, and repeats its request. */
  async 'key-not-looked-up'(world) {
    const store = world.open();
    await world.submit(store, 'a-key');
    await world.submit(store, 'a-key');
    for (const workerId of ['A', 'B']) await world.complete(store, await world.claim(store, workerId), workerId);
  },
} satisfies Partial<Record<MutantName, Scenario>>;

export type ScenarioName = keyof typeof scenarios;

/**
 * @param databaseUrl  An empty Postgres database.
 * @returns all that happened, with the tables at the end
 */
export async function playScenario(name: ScenarioName, databaseUrl: string): Promise<History> {
  const world = await ScenarioWorld.start(databaseUrl);
  try {
    await scenarios[name](world);
    await world.recorder.readTables(async (statement) => await world.execute(statement));
    return world.recorder.history;
  } finally {
    await world.stop();
  }
}
