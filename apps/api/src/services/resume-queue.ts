/** Ends a pause of the queue, and sends hints for jobs that waited: their earlier permits found nothing claimable. */
import { errorLine, type HintSender, type JobStore, type Logger } from '@prosemill/core';

export interface ResumeQueuePorts {
  readonly jobs: Pick<JobStore, 'setPaused' | 'listClaimable'>;
  readonly hints: HintSender;
  readonly logger: Logger;
}

/** The reconcilers send the hints of the rest. */
const firstHints = 500;

export async function resumeQueue({ jobs, hints, logger }: ResumeQueuePorts): Promise<void> {
  await jobs.setPaused(false);
  const sending = jobs.listClaimable({ after: null, limit: firstHints }).then(async (all) => await hints.send(all));
  sending.catch((error: unknown) => {
    logger.debug({ reason: errorLine(error) }, 'hints may be lost; the workers will make up for them');
  });
}
