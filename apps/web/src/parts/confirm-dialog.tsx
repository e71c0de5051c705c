/** Asks before something that cannot be undone, or that hits many. */
import { signal } from '@preact/signals';
import { place } from '../router.ts';
import { Dialog } from './dialog.tsx';

export interface ConfirmQuestion {
  /** `Revoke the key website of acme?` */
  readonly title: string;
  readonly text: string;
  /** On the button: `Revoke the key`. */
  readonly action: string;
}

const question = signal<ConfirmQuestion | null>(null);
let answer: (isConfirmed: boolean) => void = () => undefined;
// A question belongs to the place where it was asked.
place.subscribe(() => answer(false));

/** @returns whether the reader confirmed */
export async function confirm(asked: ConfirmQuestion): Promise<boolean> {
  answer(false);
  question.value = asked;
  return new Promise((resolve) => {
    answer = (isConfirmed) => {
      question.value = null;
      resolve(isConfirmed);
    };
  });
}

export function ConfirmDialog() {
  if (question.value === null) return null;
  const { title, text, action } = question.value;
  return (
    <Dialog title={title} onClose={() => answer(false)}>
      <p>{text}</p>
      <div class="bar">
        <button type="button" class="danger" onClick={() => answer(true)}>
          {action}
        </button>
        <button type="button" onClick={() => answer(false)}>
          Leave it
        </button>
      </div>
    </Dialog>
  );
}
