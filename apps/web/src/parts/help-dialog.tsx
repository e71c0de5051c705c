/** The keyboard, and the choices of the reader. */
import { signal } from '@preact/signals';
import { forgetDrafts } from '../drafts.ts';
import { type Setting, settings } from '../settings.ts';
import { needsKeys } from '../service-state.ts';
import { askForKey, forgetKeys, keysHeld } from '../session.ts';
import { toast } from '../toast.ts';
import { Dialog } from './dialog.tsx';

export const isHelpOpen = signal(false);

const keys: readonly (readonly [keys: string, action: string])[] = [
  ['Ctrl ⏎ or ⌘ ⏎', 'write'],
  ['Esc', 'stop the text that has the focus, or close'],
  ['1 to 4', 'go to a text'],
  ['g p, g j, g m, g a', 'playground, jobs, machine, administration'],
  ['/', 'search the list'],
  ['j k or ↓ ↑', 'next and previous job of the list'],
  ['⏎', 'open the job'],
  ['x', 'select the job'],
  ['c', 'cancel the job'],
  ['r', 'write the text again'],
  ['v', 'verify the text'],
  ['y', 'copy the text'],
  ['[ ]', 'previous and next job'],
  ['.', 'hold the list or the machine, or let it go on'],
  ['?', 'this help'],
];

export function HelpDialog() {
  if (!isHelpOpen.value) return null;
  const close = (): void => {
    isHelpOpen.value = false;
  };
  return (
    <Dialog title="Help" onClose={close}>
      <h3>Choices</h3>
      <Choice label="Theme" setting={settings.theme} />
      <Choice label="Times" setting={settings.times} />
      <Choice label="Single letters as shortcuts" setting={settings.letters} />
      <Choice label="Read texts aloud while they are written (screen readers)" setting={settings.aloud} />
      <Keys />
      <h3>Keyboard</h3>
      <dl class="keys">
        {keys.map(([key, action]) => (
          <div key={key}>
            <dt>{key}</dt>
            <dd>{action}</dd>
          </div>
        ))}
      </dl>
      <div class="bar">
        <a class="button" href="docs">
          The API
        </a>
        <button type="button" onClick={close}>
          Close
        </button>
      </div>
    </Dialog>
  );
}

interface ChoiceProps<Value extends string> {
  readonly label: string;
  readonly setting: Setting<Value>;
}

function Choice<Value extends string>({ label, setting }: ChoiceProps<Value>) {
  const choose = ({ currentTarget }: { readonly currentTarget: HTMLSelectElement }): void => {
    const chosen = setting.values.find((value) => value === currentTarget.value);
    if (chosen !== undefined) setting.choose(chosen);
  };
  return (
    <label class="choice">
      <span>{label}</span>
      <select value={setting.current} onChange={choose}>
        {setting.values.map((value) => (
          <option key={value} value={value}>
            {value}
          </option>
        ))}
      </select>
    </label>
  );
}

function Keys() {
  const held = keysHeld.value;
  if (!needsKeys.value && held.length === 0) return null;
  return (
    <p class="bar">
      {held.length === 0 ? 'This page has no API key.' : `This page has an API key (${held.join(', ')}).`}
      <button type="button" onClick={askForOther}>
        {held.length === 0 ? 'Use a key…' : 'Use another…'}
      </button>
      {held.length === 0 ? null : (
        <button type="button" onClick={forget}>
          Forget
        </button>
      )}
    </p>
  );
}

function askForOther(): void {
  isHelpOpen.value = false;
  void askForKey({ slot: 'texts', isRefused: false }, true);
}

function forget(): void {
  forgetKeys();
  forgetDrafts();
  toast('Keys and drafts forgotten.');
}
