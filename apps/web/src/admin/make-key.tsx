/** Makes a key, and shows its secret this once. */
import type { KeyRequestBody, NewKeyBody } from '@prosemill/contract';
import { type Signal, useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import type { PageProblem } from '../api.ts';
import { copy } from '../copy.ts';
import { ProblemBox } from '../parts/problem-box.tsx';
import { createKey } from './admin-requests.ts';

const scopes = ['generate', 'read', 'admin'] as const;
type Scope = (typeof scopes)[number];
const meanings: Readonly<Record<Scope, string>> = {
  generate: 'make and stop jobs',
  read: 'read jobs and texts',
  admin: 'keys and the queue, but no jobs',
};

/** Seconds; '' is never. */
const lifetimes = [
  ['', 'never'],
  ['86400', 'in a day'],
  ['2592000', 'in 30 days'],
  ['31536000', 'in a year'],
] as const;

export function MakeKey({ onMade }: { readonly onMade: () => void }) {
  const isOpen = useSignal(false);
  const made = useSignal<NewKeyBody | null>(null);
  if (made.value !== null) return <Secret made={made} />;
  if (!isOpen.value) {
    return (
      <p>
        <button type="button" onClick={() => (isOpen.value = true)}>
          Make a key
        </button>
      </p>
    );
  }
  const show = (key: NewKeyBody): void => {
    made.value = key;
    isOpen.value = false;
    onMade();
  };
  return <KeyForm onMade={show} onCancel={() => (isOpen.value = false)} />;
}

interface KeyFormProps {
  readonly onMade: (key: NewKeyBody) => void;
  readonly onCancel: () => void;
}

function KeyForm({ onMade, onCancel }: KeyFormProps) {
  const problem = useSignal<PageProblem | null>(null);
  const form = useRef<HTMLFormElement>(null);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (form.current === null) return;
    const answer = await createKey(requestOf(new FormData(form.current)));
    problem.value = answer.ok ? null : answer.problem;
    if (answer.ok) onMade(answer.body);
  };
  return (
    <form class="make-key" aria-label="A new key" ref={form} onSubmit={(event) => void submit(event)}>
      <label>
        Owner <span class="small muted">of the jobs; keys of one owner share them</span>
        <input name="owner" required pattern="[A-Za-z0-9._@\-]{1,64}" title="1 to 64 letters, digits or ._@-" />
      </label>
      <label>
        Name <span class="small muted">its purpose</span>
        <input name="name" required maxLength={100} />
      </label>
      <fieldset>
        <legend>Scopes</legend>
        {scopes.map((scope) => (
          <label key={scope} class="chip">
            <input type="checkbox" name="scopes" value={scope} defaultChecked={scope !== 'admin'} />
            {scope} <span class="small muted">{meanings[scope]}</span>
          </label>
        ))}
      </fieldset>
      <label>
        Ends
        <select name="lifetime">
          {lifetimes.map(([seconds, name]) => (
            <option key={seconds} value={seconds}>
              {name}
            </option>
          ))}
        </select>
      </label>
      {problem.value === null ? null : <ProblemBox problem={problem.value} slot="admin" />}
      <div class="bar">
        <button class="main">Make the key</button>
        <button type="button" onClick={onCancel}>
          Cancel
        </button>
      </div>
    </form>
  );
}

function requestOf(form: FormData): KeyRequestBody {
  const field = (name: string): string => {
    const value = form.get(name);
    return typeof value === 'string' ? value.trim() : '';
  };
  const chosen = new Set(form.getAll('scopes'));
  const lifetime = field('lifetime');
  return {
    owner: field('owner'),
    name: field('name'),
    scopes: scopes.filter((scope) => chosen.has(scope)),
    expires_in_seconds: lifetime === '' ? null : Number(lifetime),
  };
}

function Secret({ made }: { readonly made: Signal<NewKeyBody | null> }) {
  if (made.value === null) return null;
  const { name, owner, secret } = made.value;
  return (
    <div class="new-secret" role="status">
      <p>
        The key <b>{name}</b> of {owner}. Keep it now: nobody can show it again.
      </p>
      <div class="bar">
        <code>{secret}</code>
        <button type="button" onClick={() => void copy(secret, 'Key')}>
          Copy
        </button>
        <button type="button" class="quiet" onClick={() => (made.value = null)}>
          I have kept it
        </button>
      </div>
    </div>
  );
}
