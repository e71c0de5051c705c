/** I7: no key reads another owner's job. */
import type { Call, IndexedHistory } from '../index-history.ts';

export const checkOwners = ({ calls, jobs }: IndexedHistory): readonly string[] =>
  calls.flatMap((call) => {
    const answered = answeredJob(call);
    if (answered === null) return [];
    const { ownerId } = call.operation;
    const owners = [answered.ownerId, jobs.get(answered.id)?.row.ownerId];
    const other = owners.find((owner) => owner !== undefined && owner !== null && owner !== ownerId);
    return other === undefined
      ? []
      : [`job ${answered.id} of ${other} was shown to ${ownerId} (${call.operation.kind}, call ${call.id})`];
  });

const answeredJob = ({ ending }: Call) => (ending.type === 'ok' ? ending.job : null);
