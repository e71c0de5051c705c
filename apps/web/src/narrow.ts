/** Whether the page is as narrow as a phone: then samples are tabs, and parameters fold. */
import { signal } from '@preact/signals';

export const isNarrow = signal(false);

export function startNarrow(): void {
  const query = matchMedia('(max-width: 599px)');
  const note = (): void => {
    isNarrow.value = query.matches;
  };
  query.addEventListener('change', note);
  note();
}
