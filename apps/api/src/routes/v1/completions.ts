/** `POST /v1/completions`: a job for each choice, and their texts in one answer. */
import { createCompletionRoute, jobIdHeader, presentCompletion, toTextRequests } from '@prosemill/contract';
import { defaultTerms } from '@prosemill/core';
import type { ApiServices } from '../../api-services.ts';
import type { AddRoute } from '../../route-table.ts';
import { awaitTexts } from '../../services/await-texts.ts';
import { requireModel } from '../../services/model-names.ts';
import { streamCompletion } from './stream-completion.ts';
import { requireRoom } from '../stream-job.ts';
import { failedServerTiming, serverTiming } from '../../wire/job-headers.ts';

/** OpenAI's clients give up after this time too. */
const waitMs = 600_000;

export function addCompletionRoute(addRoute: AddRoute, services: ApiServices): void {
  const { submitAll, feed, state, isStopping } = services;

  addRoute(createCompletionRoute, async (c) => {
    const startedAt = performance.now();
    const body = c.req.valid('json');
    const requests = toTextRequests(body);
    const { ownerId } = c.get('caller');
    if (requests.length > 1) await c.get('takeTokens')(requests.length - 1);
    requireModel((await state.current()).model, body.model);
    requireRoom(services, ownerId, requests.length);
    const metadata = body.user === undefined ? {} : { user: body.user };
    const terms = { ...defaultTerms, metadata, isWatched: body.stream };
    const accepted = await submitAll({
      ownerId,
      requests: requests.map((request) => ({ request, terms })),
      priorityClass: 0,
      trace: c.get('trace'),
      idempotencyKey: c.req.valid('header')['idempotency-key'],
    });
    const [first] = accepted;
    c.set('jobId', first?.job.id ?? '');
    c.header(jobIdHeader, first?.job.id);
    if (accepted.every(({ isReplay }) => isReplay)) c.header('Idempotent-Replayed', 'true');
    const submitted = accepted.map(({ job }) => job);
    if (body.stream) return streamCompletion(c, services, { jobs: submitted, body });
    const awaiting = awaitTexts(submitted, { feed, isStopping, timeoutMs: waitMs, signal: c.req.raw.signal });
    const jobs = await awaiting.catch((error: unknown) => {
      c.header('Server-Timing', failedServerTiming(error, performance.now() - startedAt));
      throw error;
    });
    const [job] = jobs;
    if (job !== undefined) c.header('Server-Timing', serverTiming(job, performance.now() - startedAt));
    return c.json(presentCompletion(jobs, body), 200);
  });
}
