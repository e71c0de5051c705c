/** A database with its clock, its workers and their clients, and everything that is done to it on record. */
import {
  type ClaimKey,
  type Job,
  type Logger,
  type ModelIdentity,
  newId,
  type Outcome,
  type Store,
  type TokenUsage,
} from '@prosemill/core';
import { Client } from 'pg';
import { hashText } from '../history/hash-text.ts';
import type { JobReading, RunLimits } from '../history/history.ts';
import { createHistoryRecorder, type HistoryRecorder } from '../history/record-history.ts';
import { silentLogger } from '../silent-logger.ts';

export type OpenStore = (options: {
  readonly url: string;
  readonly logger: Logger;
  readonly clockOffsetMs: number;
}) => Store;

export interface WorldOptions {
  readonly openStore: OpenStore;
  /** An empty Postgres database. */
  readonly url: string;
}

export const leaseMs = 30_000;
/** A lease that was claimed before is over. */
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
    generatedText: `a text by ${workerId}`,
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
  readonly #openStore: OpenStore;
  readonly #direct: Client;
  readonly #stores: Store[] = [];
  #offsetMs = 0;

  constructor({ openStore, url }: WorldOptions) {
    this.#openStore = openStore;
    this.url = url;
    this.#direct = new Client({ connectionString: url });
    this.recorder = createHistoryRecorder({ limits, now: () => Date.now() + this.#offsetMs });
  }

  async start(): Promise<void> {
    await this.#direct.connect();
    await this.open().migrate();
  }

  /** Of a process of its own, at the time that it is now. */
  open(url: string = this.url): Store {
    const store = this.#openStore({ url, logger: silentLogger, clockOffsetMs: this.#offsetMs });
    this.#stores.push(store);
    return store;
  }

  /** For stores that are opened from here on. */
  travel(ms: number): void {
    this.#offsetMs += ms;
  }

  async execute(statement: string): Promise<readonly Record<string, unknown>[]> {
    return (await this.#direct.query<Record<string, unknown>>(statement)).rows;
  }

  /** @param key  Its Idempotency-Key. */
  async submit(store: Store, key: string | null = null): Promise<void> {
    const operation = { kind: 'submit', ownerId: 'local', key, waitMs: 0 } as const;
    const job = key === null ? newJob() : { ...newJob(), idempotency: { key, requestHash: 'the same request' } };
    await this.recorder.perform({ client: 'client', operation }, async () => ({
      type: 'ok',
      job: toReading(await store.jobs.submit(job)),
    }));
  }

  /** Null when there is nothing to claim. */
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
    await this.#direct.end();
  }
}

const newJob = () => ({
  id: newId(),
  ownerId: 'local',
  priorityClass: 1 as const,
  prompt: 'a prompt',
  parameters: {
    maxLength: null,
    maxNewTokens: 1,
    temperature: 0,
    topK: 0,
    topP: 1,
    repetitionPenalty: 1,
    stop: [],
  },
  seed: 1,
  maxAttempts: 3,
  deadlineMs: null,
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
});

const toReading = ({ id, ownerId, status, version, attempt, output }: Job): JobReading => ({
  id,
  ownerId,
  status,
  version,
  attempt,
  textHash: output === null ? null : hashText(output.generatedText),
});

/** Holds a row's lock, so that what comes for it waits in line. */
export async function holdRow(world: ScenarioWorld, id: string) {
  const holder = new Client({ connectionString: world.url });
  await holder.connect();
  await holder.query('begin');
  await holder.query('select id from jobs where id = $1 for update', [id]);
  return {
    /** Resolves when so many statements wait in line, or when `isOver`. */
    async waiting(count: number, isOver: () => boolean = () => false): Promise<void> {
      const inLine = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      for (;;) if (isOver() || (await world.execute(inLine)).length >= count) return;
    },
    async end(): Promise<void> {
      await holder.query('commit');
      await holder.end();
    },
  };
}
