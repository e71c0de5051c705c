/** `POST /generate`: submits, waits, and answers with the text, or with the job when the wait ends first. */
import { generateRoute, presentGeneration, toJobTerms, toTextRequest } from '@prosemill/contract';
import { isTerminal } from '@prosemill/core';
import type { ApiServices } from '../api-services.ts';
import type { AddRoute } from '../route-table.ts';
import { endingError } from '../services/ending-error.ts';
import { serverTiming } from '../wire/job-headers.ts';
import { parsePreference } from '../wire/preference.ts';
import { wantsStream } from '../wire/wants-stream.ts';
import { answerAccepted } from './answer-accepted.ts';
import { requireRoom, streamAccepted } from './stream-job.ts';

export function addGenerateRoute(addRoute: AddRoute, services: ApiServices): void {
  const { submitJob, feed, leaveJob, estimates } = services;

  addRoute(generateRoute, async (c) => {
    const isStream = wantsStream(c.req.header('Accept'));
    const preference = parsePreference(isStream ? undefined : c.req.valid('header').prefer);
    const startedAt = performance.now();
    const body = c.req.valid('json');
    const { signal } = c.req.raw;
    const { ownerId } = c.var.caller;
    if (isStream) requireRoom(services, ownerId);
    const { job: accepted, isReplay } = await submitJob({
      ownerId,
      request: toTextRequest(body),
      terms: { ...toJobTerms(body), isWatched: isStream },
      // A client that does not wait queues like those of `POST /jobs`.
      priorityClass: preference.waitMs === 0 ? 1 : 0,
      trace: c.var.trace,
      idempotencyKey: c.req.valid('header')['idempotency-key'],
    });
    if (isStream) return streamAccepted(c, services, { job: accepted, isReplay }, body.on_disconnect);
    c.set('jobId', accepted.id);
    if (isReplay) c.header('Idempotent-Replayed', 'true');
    const latest =
      preference.waitMs === 0
        ? accepted
        : await feed.wait({
            job: accepted,
            until: ({ status }) => isTerminal(status),
            timeoutMs: preference.waitMs,
            signal,
          });
    const job = latest ?? accepted;
    if (preference.waitMs > 0 && signal.aborted && body.on_disconnect === 'cancel') await leaveJob(job);
    if (preference.applied !== null) c.header('Preference-Applied', preference.applied);
    if (preference.waitMs > 0) c.header('Server-Timing', serverTiming(job, performance.now() - startedAt));
    if (!isTerminal(job.status)) return answerAccepted(c, { job, isReplay }, await estimates.of(job));
    const generation = presentGeneration(job);
    if (generation === null) throw endingError(job);
    return c.json(generation, 200);
  });
}
