/**
 * I10: a batch has all of its jobs; one idempotency key, one batch; every batch has a submit; an ended batch has ended
 * jobs, and no job of a canceled one begins.
 */
import type { BatchReading } from '../history.ts';
import { type Call, groupBy, type IndexedHistory, type JobFacts } from '../index-history.ts';

type Batches = ReadonlyMap<string, readonly JobFacts[]>;
type BatchCall = Call & { readonly batch: BatchReading };

export function checkBatches({ calls, jobs, limits }: IndexedHistory): readonly string[] {
  const batches = groupBy(
    [...jobs.values()].filter(({ row }) => row.batchId !== null),
    ({ row }) => row.batchId ?? '',
  );
  const answered = calls.flatMap((call): readonly BatchCall[] =>
    call.ending.type === 'ok-batch' && call.ending.batch !== null ? [{ ...call, batch: call.ending.batch }] : [],
  );
  return [
    ...[...batches].flatMap(([id, members]) => checkLines(id, members)),
    ...checkSubmits(calls, batches),
    ...calls.flatMap(checkAbsence),
    ...answered.flatMap((call) => checkAnswer(call, batches.get(call.batch.id) ?? [], limits.clockToleranceMs)),
  ];
}

/** Line `2/3` is the second of three. */
function checkLines(id: string, members: readonly JobFacts[]): readonly string[] {
  const lines = members.map(({ row }) => row.customId ?? '').toSorted((a, b) => a.localeCompare(b));
  const count = Number(lines[0]?.split('/')[1]);
  const expected = Array.from({ length: count }, (_, index) => `${index + 1}/${count}`);
  return lines.join() === expected.join() ? [] : [`batch ${id} has the lines ${lines.join(', ')}`];
}

/** Clients read and cancel only batches that they were told of. */
const checkAbsence = ({ id, operation, ending }: Call): readonly string[] =>
  'batchId' in operation && ending.type === 'ok-batch' && ending.batch === null
    ? [`batch ${operation.batchId} was gone for call ${id}`]
    : [];

/** Submits with the same owner and key have the same intent. A submit without a key is an intent of its own. */
const intentOf = ({ id, operation }: Call): string =>
  'key' in operation && operation.key !== null ? `key ${operation.key} of ${operation.ownerId}` : `call ${id}`;

/** A batch in no answer comes from a submit without an answer. Each intent makes one batch. */
function checkSubmits(calls: readonly Call[], batches: Batches): readonly string[] {
  const submits = calls.filter(({ operation }) => operation.kind === 'submit-batch');
  const intents = groupBy(submits, intentOf);
  const told = new Map(
    [...intents].map(([intent, same]) => [
      intent,
      new Set(
        same.flatMap(({ ending }) => (ending.type === 'ok-batch' && ending.batch !== null ? [ending.batch.id] : [])),
      ),
    ]),
  );
  const toldIds = [...told.values()].flatMap((ids) => Array.from(ids));
  const untold = [...batches.keys()].filter((id) => !toldIds.includes(id));
  const unanswered = [...intents].filter(
    ([intent, same]) => told.get(intent)?.size === 0 && same.some(({ ending }) => ending.type === 'unknown'),
  );
  return [
    ...[...told]
      .filter(([, ids]) => ids.size > 1)
      .map(([intent, ids]) => `${intent} stands for ${ids.size} batches: ${[...ids].join(', ')}`),
    ...(new Set(toldIds).size < toldIds.length ? ['one batch answers submits that are not the same'] : []),
    ...(untold.length > unanswered.length
      ? [`${untold.length} batches were told to nobody, but ${unanswered.length} submits have no answer`]
      : []),
  ];
}

function checkAnswer(call: BatchCall, members: readonly JobFacts[], toleranceMs: number): readonly string[] {
  const { id, operation, batch, endedAtMs } = call;
  const [known, shown] = [members.map(({ row }) => row.id), batch.jobIds];
  const isSame = known.toSorted().join() === shown.toSorted().join();
  const latestMs = endedAtMs + toleranceMs;
  const open = batch.hasEnded ? members.filter(({ row }) => (row.finishedAtMs ?? Infinity) > latestMs) : [];
  const begun = members.filter(({ events }) =>
    events.some(({ event, eventAtMs }) => event === 'job-claimed' && eventAtMs > latestMs),
  );
  const foreign = members.filter(({ row }) => row.ownerId !== operation.ownerId);
  return [
    ...(isSame ? [] : [`batch ${batch.id} was shown with ${shown.length} jobs (call ${id}), and has ${known.length}`]),
    ...open.map(({ row }) => `job ${row.id} went on after its batch was shown as ended (call ${id})`),
    ...(operation.kind === 'cancel-batch' ? begun : []).map(
      ({ row }) => `job ${row.id} began after its batch was canceled (call ${id})`,
    ),
    ...foreign.map(({ row }) => `job ${row.id} of ${row.ownerId} was shown to ${operation.ownerId} (call ${id})`),
  ];
}
