/** Ends a pause of the queue, and sends hints for the waiting jobs: their earlier permits found nothing claimable. */
import { errorLine, type HintSender, type JobStore, type Logger } from '@prosemill/core';

/** The reconcilers send the hints for the rest. */
const firstHints = 500;

export async function resumeQueue(jobs: JobStore, hints: HintSender, logger: Logger): Promise<void> {
  await jobs.resume();
  const sending = jobs
    .listClaimable({ fingerprint: null, after: null, limit: firstHints })
    .then(async (all) => await hints.send(all));
  sending.catch((error: unknown) => {
    logger.debug({ reason: errorLine(error) }, 'hints may be lost; the reconcilers will send them');
  });
}
