/** A database whose clock a scenario moves, its workers and clients, and the record of everything that they do. */
import type { ClaimKey, Job, ModelIdentity, Outcome, Store, TokenUsage } from '@prosemill/core';
import { openStore } from '@prosemill/store';
import { newJob, openSql, silentLogger, type SqlConnection } from '@prosemill/testkit';
import { hashText } from '../history/hash-text.ts';
import type { JobReading, RunLimits } from '../history/history.ts';
import { createHistoryRecorder, type HistoryRecorder } from '../history/record-history.ts';

export const leaseMs = 30_000;
/** After this time, a lease that was claimed before has run out. */
export const afterLeaseMs = leaseMs + 1_000;

const limits: RunLimits = {
  leaseMs,
  finishWithinMs: null,
  mayFail: false,
  answerWithinMs: null,
  gauges: {},
  clockToleranceMs: 0,
  recoverWithinMs: 60_000,
};

const model: ModelIdentity = { name: 'tiny', revision: '1', engine: 'none', dtype: 'fp32', fingerprint: '0' };
const usage: TokenUsage = { promptTokens: 1, completionTokens: 1 };

const textBy = (workerId: string): Outcome => ({
  type: 'succeeded',
  result: {
    completion: ` by ${workerId}`,
    usage,
    timeToFirstTokenMs: 1,
    generationMs: 1,
    finishReason: 'length',
    modelName: model.name,
  },
});

export class ScenarioWorld {
  readonly recorder: HistoryRecorder;
  readonly url: string;
  readonly #sql: SqlConnection;
  readonly #stores: Store[] = [];
  #offsetMs = 0;

  private constructor(url: string, sql: SqlConnection) {
    this.url = url;
    this.#sql = sql;
    this.recorder = createHistoryRecorder({ limits, now: () => Date.now() + this.#offsetMs });
  }

  /** @param url  An empty Postgres database. */
  static async start(url: string): Promise<ScenarioWorld> {
    const world = new ScenarioWorld(url, await openSql(url));
    await world.open().migrate();
    return world;
  }

  /** Opens the store of one more process, whose database clock stands at the world's present time. */
  open(url: string = this.url): Store {
    const store = openStore({ url, logger: silentLogger, clockOffsetMs: this.#offsetMs });
    this.#stores.push(store);
    return store;
  }

  /** Moves the clock for stores that are opened from here on. */
  travel(ms: number): void {
    this.#offsetMs += ms;
  }

  async execute(statement: string): Promise<readonly Record<string, unknown>[]> {
    return await this.#sql.execute(statement);
  }

  /** @param key  The Idempotency-Key of the request; null: none. */
  async submit(store: Store, key: string | null = null): Promise<void> {
    const operation = { kind: 'submit', ownerId: 'local', key, waitMs: 0 } as const;
    const job = key === null ? newJob() : { ...newJob(), idempotency: { key, requestHash: 'the same request' } };
    await this.recorder.perform({ client: 'client', operation }, async () => ({
      type: 'ok',
      job: toReading(await store.jobs.submit(job)),
    }));
  }

  /** @returns null when there is nothing to claim */
  async claim(store: Store, workerId: string): Promise<ClaimKey | null> {
    const claimed = await store.jobs.claim({ workerId, model, leaseMs, fromClass: 0 });
    if (claimed === null) return null;
    const { id, attempt } = claimed.job;
    this.recorder.add({ type: 'execution-start', jobId: id, attempt, workerId });
    return { id, attempt };
  }

  /** @throws when there is nothing to claim */
  async claimSome(store: Store, workerId: string): Promise<ClaimKey> {
    const key = await this.claim(store, workerId);
    if (key === null) throw new Error('Expected a claimable job.');
    return key;
  }

  async complete(store: Store, key: ClaimKey | null, workerId: string, outcome = textBy(workerId)): Promise<void> {
    if (key === null) return;
    const completion = await store.jobs.complete(key, outcome);
    this.recorder.add({
      type: 'execution-end',
      jobId: key.id,
      attempt: key.attempt,
      workerId,
      outcome: completion === 'stale' ? null : outcome.type,
    });
  }

  async stop(): Promise<void> {
    await Promise.all(this.#stores.map((store) => store.stop()));
    await this.#sql.close();
  }
}

const toReading = ({ id, ownerId, status, version, attempt, prompt, output }: Job): JobReading => ({
  id,
  ownerId,
  status,
  version,
  attempt,
  textHash: output === null ? null : hashText(prompt + output.completion),
});

/** Locks a row, so that statements on it queue up behind the lock. */
export async function holdRow(world: ScenarioWorld, id: string) {
  const holder = await openSql(world.url);
  await holder.execute('begin');
  await holder.execute(`select id from jobs where id = '${id}' for update`);
  return {
    /** Resolves when `count` statements wait for a lock, or when `isOver`. */
    async waiting(count: number, isOver: () => boolean = () => false): Promise<void> {
      const inLine = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      for (;;) if (isOver() || (await world.execute(inLine)).length >= count) return;
    },
    async end(): Promise<void> {
      await holder.execute('commit');
      await holder.close();
    },
  };
}
