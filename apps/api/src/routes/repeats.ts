/** `/jobs/{id}/retry`: a job of the same request as another one. */
import { retryJobRoute, toRetriedRequest, toRetriedTerms } from '@prosemill/contract';
import { AppError, isTerminal } from '@prosemill/core';
import type { ApiServices } from '../api-services.ts';
import type { AddRoute } from '../route-table.ts';
import { findJob } from '../services/find-job.ts';
import { answerAccepted } from './answer-accepted.ts';

export function addRepeatRoutes(addRoute: AddRoute, { store, submitJob, estimates }: ApiServices): void {
  const { jobs } = store;

  addRoute(retryJobRoute, async (c) => {
    const { ownerId } = c.var.caller;
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
      trace: c.var.trace,
      idempotencyKey: c.req.valid('header')['idempotency-key'],
    });
    return answerAccepted(c, accepted, await estimates.afterSubmit(accepted));
  });
}
