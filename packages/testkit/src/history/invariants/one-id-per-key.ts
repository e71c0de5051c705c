/** I2: one idempotency key, one id; and no job that no submit explains. */
import type { Call, IndexedHistory } from '../index-history.ts';

export function checkKeys({ calls, jobs }: IndexedHistory): readonly string[] {
  const submits = calls.filter(({ operation }) => operation.kind === 'submit');
  return [...checkAnswers(submits), ...checkRows(submits, [...jobs.keys()])];
}

/** Submits with the same intent have the same; a submit without a key is an intent of its own. */
function intentOf({ id, operation }: Call): string {
  if (operation.kind !== 'submit' || operation.key === null) return `call ${id}`;
  return `key ${operation.key} of ${operation.ownerId}`;
}

const acceptedId = ({ ending }: Call): string | null => (ending.type === 'ok' ? (ending.job?.id ?? null) : null);

function checkAnswers(submits: readonly Call[]): readonly string[] {
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
      .filter(([, ids]) => ids.size > 1)
      .map(([intent, ids]) => `${intent} stands for ${ids.size} jobs: ${[...ids].join(', ')}`),
    ...[...intentsById]
      .filter(([, intents]) => intents.size > 1)
      .map(
        ([id, intents]) =>
          `job ${id} answers ${intents.size} submits that are not the same: ${[...intents].join(', ')}`,
      ),
  ];
}

/** A job that nobody was told of must come from a submit whose answer was lost; each intent explains one. */
function checkRows(submits: readonly Call[], ids: readonly string[]): readonly string[] {
  const told = new Set(submits.map(acceptedId));
  const answered = new Set(submits.filter((call) => acceptedId(call) !== null).map(intentOf));
  const unknown = submits.filter(({ ending }) => ending.type === 'unknown').map(intentOf);
  const explained = new Set(unknown.filter((intent) => !answered.has(intent))).size;
  const extra = ids.filter((id) => !told.has(id));
  return extra.length > explained
    ? [`${extra.length} jobs were told to nobody, but only ${explained} submits have no answer: ${extra.join(', ')}`]
    : [];
}

function addTo(sets: Map<string, Set<string>>, key: string, value: string): void {
  sets.set(key, (sets.get(key) ?? new Set()).add(value));
}
