/** I2: one idempotency key, one id, until the job gives the key back; and every job without a batch has a submit. */
import { releasesIdempotencyKey } from '@prosemill/core';
import type { Call, IndexedHistory, JobFacts } from '../index-history.ts';

type Jobs = IndexedHistory['jobs'];

export function checkKeys({ calls, jobs }: IndexedHistory): readonly string[] {
  const submits = calls.filter(({ operation }) => operation.kind === 'submit');
  return [...checkAnswers(submits, jobs), ...checkRows(submits, jobs)];
}

/** Submits with the same owner and key have the same intent. A submit without a key is an intent of its own. */
function intentOf({ id, operation }: Call): string {
  if (operation.kind !== 'submit' || operation.key === null) return `call ${id}`;
  return `key ${operation.key} of ${operation.ownerId}`;
}

const acceptedId = ({ ending }: Call): string | null => (ending.type === 'ok' ? (ending.job?.id ?? null) : null);

function checkAnswers(submits: readonly Call[], jobs: Jobs): readonly string[] {
  const idsByIntent = new Map<string, Set<string>>();
  const intentsById = new Map<string, Set<string>>();
  for (const call of submits) {
    const id = acceptedId(call);
    if (id === null) continue;
    addTo(idsByIntent, intentOf(call), id);
    addTo(intentsById, id, intentOf(call));
  }
  return [
    ...[...idsByIntent]
      .filter(([, ids]) => ids.size > 1 && !areSuccessors([...ids], jobs))
      .map(([intent, ids]) => `${intent} stands for ${ids.size} jobs: ${[...ids].join(', ')}`),
    ...[...intentsById]
      .filter(([, intents]) => intents.size > 1)
      .map(
        ([id, intents]) =>
          `job ${id} answers ${intents.size} submits that are not the same: ${[...intents].join(', ')}`,
      ),
  ];
}

const keepsKey = (facts: JobFacts | undefined): boolean =>
  facts === undefined || !releasesIdempotencyKey(facts.row.status);

const isFollowed = (facts: JobFacts, next: JobFacts): boolean =>
  !keepsKey(facts) && (facts.row.finishedAtMs ?? Infinity) <= next.row.createdAtMs;

/** Whether each job had given the key back when the next one was made. */
function areSuccessors(ids: readonly string[], jobs: Jobs): boolean {
  const all = ids.flatMap((id) => jobs.get(id) ?? []).toSorted((a, b) => a.row.createdAtMs - b.row.createdAtMs);
  return all.length === ids.length && all.slice(1).every((next, at) => isFollowed(all[at] ?? next, next));
}

/** A job in no answer must come from a submit without an answer. Each intent explains one job. */
function checkRows(submits: readonly Call[], jobs: Jobs): readonly string[] {
  const told = new Set(submits.map(acceptedId));
  const answered = new Set(
    submits
      .filter((call) => {
        const id = acceptedId(call);
        return id !== null && keepsKey(jobs.get(id));
      })
      .map(intentOf),
  );
  const unknown = submits.filter(({ ending }) => ending.type === 'unknown').map(intentOf);
  const explained = new Set(unknown.filter((intent) => !answered.has(intent))).size;
  const single = [...jobs.values()].filter(({ row }) => row.batchId === null).map(({ row }) => row.id);
  const extra = single.filter((id) => !told.has(id));
  return extra.length > explained
    ? [`${extra.length} jobs were told to nobody, but only ${explained} submits have no answer: ${extra.join(', ')}`]
    : [];
}

function addTo(sets: Map<string, Set<string>>, key: string, value: string): void {
  sets.set(key, (sets.get(key) ?? new Set()).add(value));
}
