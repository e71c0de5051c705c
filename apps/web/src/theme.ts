/** The theme: that of the system, unless the reader chose one. */
import { effect } from '@preact/signals';
import { settings } from './settings.ts';

/** Charts draw anew when it changes. */
export const theme = settings.theme.current;

export function startTheme(): void {
  effect(() => {
    if (theme.value === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme.value;
  });
}
