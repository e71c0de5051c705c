/** `/jobs/{id}/retry` and `/jobs/{id}/verify`: jobs of the same request as another one. */
import { presentTimings, retryJobRoute, toRetriedRequest, toRetriedTerms, verifyJobRoute } from '@prosemill/contract';
import { AppError, isTerminal } from '@prosemill/core';
import type { ApiServices } from '../api-services.ts';
import type { AddRoute } from '../route-table.ts';
import { endingError } from '../services/ending-error.ts';
import { findJob } from '../services/find-job.ts';
import { compareTexts, verificationOf } from '../services/verify-job.ts';
import { parsePreference } from '../wire/preference.ts';
import { answerAccepted } from './answer-accepted.ts';
import { awaitJob } from './await-job.ts';

export function addRepeatRoutes(addRoute: AddRoute, { store, submitJob, feed, estimates }: ApiServices): void {
  const { jobs } = store;

  addRoute(retryJobRoute, async (c) => {
    const { ownerId } = c.get('caller');
    const changes = c.req.valid('json');
    const job = await findJob(jobs, { ownerId, id: c.req.valid('param').id });
    if (!isTerminal(job.status)) {
      throw new AppError('job_not_finished', { message: `The job is ${job.status}: it can be repeated when it ends.` });
    }
    const accepted = await submitJob({
      ownerId,
      request: toRetriedRequest(job, changes),
      terms: toRetriedTerms(job, changes),
      // Nobody waits for the answer, so a job of the class of waiting callers becomes a normal one.
      priorityClass: 1,
      trace: c.get('trace'),
      idempotencyKey: c.req.valid('header')['idempotency-key'],
    });
    return answerAccepted(c, accepted, await estimates.afterSubmit(accepted));
  });

  addRoute(verifyJobRoute, async (c) => {
    const startedAt = performance.now();
    const preference = parsePreference(c.req.valid('header').prefer);
    const { ownerId } = c.get('caller');
    const job = await findJob(jobs, { ownerId, id: c.req.valid('param').id });
    const accepted = await submitJob({
      ...(await verificationOf(job, store.workers)),
      ownerId,
      priorityClass: preference.waitMs === 0 ? 1 : 0,
      trace: c.get('trace'),
      idempotencyKey: c.req.valid('header')['idempotency-key'],
    });
    const verification = await awaitJob(c, accepted, { feed, preference, startedAt });
    if (!isTerminal(verification.status)) {
      return answerAccepted(c, { ...accepted, job: verification }, await estimates.of(verification));
    }
    const comparison = compareTexts(job, verification);
    if (comparison === null) throw endingError(verification);
    const { match, sha256 } = comparison;
    const timings = presentTimings(verification);
    return c.json({ match, output_sha256: sha256, job_id: verification.id, timings }, 200);
  });
}
