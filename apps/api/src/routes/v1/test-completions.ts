/** An API for tests of `/v1`, with a stand-in for its worker that knows a model and writes texts. */
import { setImmediate } from 'node:timers/promises';
import type { CompletionBody, OpenAiError } from '@prosemill/contract';
import { type Job, newId, type Outcome, type WakeUps } from '@prosemill/core';
import { createQueue } from '@prosemill/queue';
import { silentLogger } from '@prosemill/testkit';
import { openTestApi, serveModel, type TestApi, type TestApiOptions, testModel } from '../../test-api.ts';

export const model = testModel;
/** One token a character. */
export const contextLength = 2_048;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: CompletionBody & OpenAiError;
}

export interface CompletionApi extends TestApi {
  readonly wakeUps: WakeUps;
  readonly send: (path: string, init?: RequestInit) => Promise<Answer>;
  readonly complete: (body: object, headers?: Readonly<Record<string, string>>) => Promise<Answer>;
  /** Ends the next jobs as a worker does. @returns them as they were claimed */
  readonly work: (count: number, outcomeOf?: (job: Job) => Outcome) => Promise<readonly Job[]>;
  readonly queued: () => Promise<number>;
}

export const written = ({ prompt, seed }: Job): Outcome => ({
  type: 'succeeded',
  result: {
    completion: ` ${seed} after ${prompt}`,
    usage: { promptTokens: prompt.length, completionTokens: 3 },
    timeToFirstTokenMs: 1,
    generationMs: 2,
    finishReason: 'length',
    modelName: model.name,
  },
});

export async function openCompletionApi(options: TestApiOptions = {}): Promise<CompletionApi> {
  const { sender: hints, wakeUps } = createQueue({ databaseUrl: 'sqlite:', redisUrl: undefined, logger: silentLogger });
  const opened = await openTestApi({ hints, wakeUps, ...options });
  const { store, api } = opened;
  await serveModel(store, { contextLength });

  async function send(path: string, init: RequestInit = {}): Promise<Answer> {
    const response = await api.app.request(path, init);
    return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] };
  }

  return {
    ...opened,
    wakeUps,
    send,
    async complete(body, headers = {}) {
      return await send('/v1/completions', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', ...headers },
        body: JSON.stringify({ model: model.name, ...body }),
      });
    },
    async work(count, outcomeOf = written) {
      const claimed: Job[] = [];
      while (claimed.length < count) {
        const claim = await store.jobs.claim({ workerId: newId(), model, leaseMs: 30_000, fromClass: 0 });
        if (claim === null) {
          await setImmediate();
          continue;
        }
        claimed.push(claim.job);
        const { id, attempt } = claim.job;
        await store.jobs.complete({ id, attempt }, outcomeOf(claim.job));
        wakeUps.publish({ type: 'job-changed', ids: [id] });
      }
      return claimed;
    },
    queued: async () => (await store.jobs.measureQueue()).queued,
  };
}
