/** `POST /generate`: submits, waits, and answers with the text, or with the job when the wait ends first. */
import { generateRoute, presentGeneration, toJobTerms, toTextRequest } from '@prosemill/contract';
import { isTerminal } from '@prosemill/core';
import type { ApiServices } from '../api-services.ts';
import type { AddRoute } from '../route-table.ts';
import { endingError } from '../services/ending-error.ts';
import { parsePreference } from '../wire/preference.ts';
import { wantsStream } from '../wire/prefers.ts';
import { answerAccepted } from './answer-accepted.ts';
import { awaitJob } from './await-job.ts';
import { requireRoom, streamAccepted } from './stream-job.ts';

export function addGenerateRoute(addRoute: AddRoute, services: ApiServices): void {
  const { submitJob, feed, leaveJob, estimates } = services;

  addRoute(generateRoute, async (c) => {
    const isStream = wantsStream(c.req.header('Accept'));
    const startedAt = performance.now();
    const preference = parsePreference(isStream ? undefined : c.req.valid('header').prefer);
    const body = c.req.valid('json');
    const { ownerId } = c.get('caller');
    if (isStream) requireRoom(services, ownerId);
    const accepted = await submitJob({
      ownerId,
      request: toTextRequest(body),
      terms: { ...toJobTerms(body), isWatched: isStream },
      // A client that does not wait queues like those of `POST /jobs`.
      priorityClass: preference.waitMs === 0 ? 1 : 0,
      trace: c.get('trace'),
      idempotencyKey: c.req.valid('header')['idempotency-key'],
    });
    if (isStream) return streamAccepted(c, services, accepted, body.on_disconnect);
    const job = await awaitJob(c, accepted, { feed, preference, startedAt });
    const hasLeft = preference.waitMs > 0 && c.req.raw.signal.aborted;
    if (hasLeft && body.on_disconnect === 'cancel') await leaveJob(job);
    if (!isTerminal(job.status)) return answerAccepted(c, { ...accepted, job }, await estimates.of(job));
    const generation = presentGeneration(job);
    if (generation === null) throw endingError(job);
    return c.json(generation, 200);
  });
}
