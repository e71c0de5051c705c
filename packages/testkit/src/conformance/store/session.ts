/** A store under test, and the jobs that its suites put into it. */
import {
  type ClaimedJob,
  type ClaimKey,
  defaultTerms,
  type FinishedGeneration,
  type GeneratedPart,
  type Job,
  type ModelIdentity,
  type NewJob,
  newId,
  type Outcome,
  type PriorityClass,
  type Store,
} from '@prosemill/core';
import { afterEach, beforeEach } from 'vitest';

export interface StoreSession {
  /** Migrated, and empty at first. */
  readonly store: Store;
  /** Stores of other processes on the same data. Where the database belongs to one process: the same store. */
  readonly others: readonly Store[];
  /** Sets the database's clock to now + `offsetMs`. `store` and `others` are new objects afterwards. */
  travel(offsetMs: number): Promise<void>;
  /** Runs SQL past the store. */
  execute(statement: string): Promise<readonly Record<string, unknown>[]>;
  close(): Promise<void>;
}

export type OpenSession = () => Promise<StoreSession>;

/** Opens a session for each test of a suite. */
export function sessionPerTest(open: OpenSession): Omit<StoreSession, 'close'> {
  let current: StoreSession;
  beforeEach(async () => {
    current = await open();
  });
  afterEach(async () => {
    await current.close();
  });
  return {
    get store() {
      return current.store;
    },
    get others() {
      return current.others;
    },
    travel: async (offsetMs) => await current.travel(offsetMs),
    execute: async (statement) => await current.execute(statement),
  };
}

export const leaseMs = 30_000;

export const model: ModelIdentity = {
  name: 'tiny-tales',
  revision: 'abc',
  engine: 'transformers',
  dtype: 'fp32',
  fingerprint: '0123456789abcdef',
};

export const newJob = (overrides: Partial<NewJob> = {}): NewJob => ({
  id: newId(),
  ownerId: 'local',
  priorityClass: 1,
  prompt: 'Once upon a time',
  parameters: {
    maxLength: null,
    maxNewTokens: 5,
    temperature: 1,
    topK: 50,
    topP: 1,
    repetitionPenalty: 1,
    stop: ['\n'],
  },
  seed: 2 ** 32 - 1,
  hasOwnSeed: true,
  tokenBudget: 9,
  maxAttempts: 3,
  ...defaultTerms,
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  ...overrides,
});

export const part: GeneratedPart = {
  completion: ' there',
  usage: { promptTokens: 4, completionTokens: 1 },
  timeToFirstTokenMs: 12.5,
  generationMs: 20,
};

export const result: FinishedGeneration = {
  ...part,
  completion: ' there was a king',
  finishReason: 'length',
  modelName: 'tiny-tales',
};

export const succeeded: Outcome = { type: 'succeeded', result };

/** Claims as `worker-1`. */
export const claimNext = async (store: Store, fromClass: PriorityClass = 0): Promise<ClaimedJob | null> =>
  await store.jobs.claim({ workerId: 'worker-1', model, leaseMs, fromClass });

/** @throws when nothing is claimable */
export async function claimSome(store: Store): Promise<{ readonly key: ClaimKey; readonly job: Job }> {
  const claimed = await claimNext(store);
  if (claimed === null) throw new Error('Nothing to claim.');
  return { key: { id: claimed.job.id, attempt: claimed.job.attempt }, job: claimed.job };
}

/** @throws when the job is not there */
export async function findJob({ jobs }: Store, { id, ownerId }: Pick<Job, 'id' | 'ownerId'>): Promise<Job> {
  const job = await jobs.find(ownerId, id);
  if (job === null) throw new Error(`No job ${id}.`);
  return job;
}
