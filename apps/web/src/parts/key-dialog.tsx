/** Asks for an API key, tries it, and keeps it where the reader wants. */
import type { MeBody } from '@prosemill/contract';
import { useSignal } from '@preact/signals';
import { explain } from '../problem-text.ts';
import { getMe } from '../requests.ts';
import { declineQuestion, keepKey, type KeyPlace, keyQuestion, type KeyQuestion, type KeySlot } from '../session.ts';
import { Dialog } from './dialog.tsx';

export function KeyDialog() {
  const asked = keyQuestion.value;
  return asked === null ? null : <KeyForm question={asked} />;
}

const shown = { type: 'text' } as const;
const concealed = { type: 'password' } as const;

function KeyForm({ question }: { readonly question: KeyQuestion }) {
  const problem = useSignal(question.isRefused ? 'The key that this page had is not valid (any more).' : '');
  const isShown = useSignal(false);

  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    // Copied keys often have a space or a line break at their end.
    const key = (form.get('key') as string).replaceAll(/\s/g, '');
    const answer = await getMe(key);
    if (!answer.ok) problem.value = explain(answer.problem).text;
    else {
      const slots = slotsOf(answer.body);
      if (slots.includes(question.slot)) keepKey(key, slots, form.get('place') as KeyPlace);
      else problem.value = wrongKey[question.slot];
    }
  };

  return (
    <Dialog title="A key, please" onClose={declineQuestion}>
      <form class="key-form" onSubmit={(event) => void submit(event)}>
        <p>{purposes[question.slot]}</p>
        {isReadable(location) && (
          <p class="status expired">This connection is not encrypted: the key can be read on the way.</p>
        )}
        <label>
          Key
          <input
            {...(isShown.value ? shown : concealed)}
            name="key"
            autoComplete="current-password"
            required
            spellcheck={false}
          />
        </label>
        <label class="bar">
          <input type="checkbox" checked={isShown} onChange={() => (isShown.value = !isShown.value)} />
          Show it
        </label>
        <fieldset>
          <legend>Keep it</legend>
          <label class="bar">
            <input type="radio" name="place" value="tab" defaultChecked />
            until this tab closes
          </label>
          <label class="bar">
            <input type="radio" name="place" value="device" />
            on this device
          </label>
        </fieldset>
        <p role="alert" class="status failed">
          {problem}
        </p>
        <div class="bar">
          <button type="submit" class="main">
            Use
          </button>
          <button type="button" onClick={declineQuestion}>
            Not now
          </button>
        </div>
      </form>
    </Dialog>
  );
}

const purposes: Record<KeySlot, string> = {
  texts: 'This service is open to holders of an API key only. Who runs it can make one for you.',
  admin: 'Administration needs a key with the scope admin.',
};

const wrongKey: Record<KeySlot, string> = {
  texts: 'This key is for administration: it sees no texts and makes none.',
  admin: 'This key is not for administration.',
};

/** ADMIN_KEY is no stored key, and only for administration. */
function slotsOf({ key }: MeBody): readonly KeySlot[] {
  if (key === null) return ['admin'];
  const isForTexts = key.scopes.includes('generate') || key.scopes.includes('read');
  return [...(isForTexts ? (['texts'] as const) : []), ...(key.scopes.includes('admin') ? (['admin'] as const) : [])];
}

const isReadable = ({ protocol, hostname }: Location): boolean =>
  protocol === 'http:' && !/^(?:localhost|.*\.localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname);
