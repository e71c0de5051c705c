/** Short messages that go by themselves; a screen reader reads them. */
import { signal } from '@preact/signals';

const shownMs = 5_000;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Empty: none. */
export const toastText = signal('');

export function toast(text: string): void {
  clearTimeout(timer);
  toastText.value = text;
  timer = setTimeout(() => {
    toastText.value = '';
  }, shownMs);
}
