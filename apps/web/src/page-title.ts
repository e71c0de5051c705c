/** The title of the tab: that of the view, which may change while it works, and the name of the product. */
import { effect, signal } from '@preact/signals';

export const pageTitle = signal('');

export function startPageTitle(): void {
  effect(() => {
    document.title = pageTitle.value === '' ? 'Prosemill' : `${pageTitle.value} · Prosemill`;
  });
}
