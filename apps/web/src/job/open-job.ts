import { go, hrefOf } from '../router.ts';

/** Opens another job in the same view, whose heading takes the focus as it does between views. */
export function openJob(id: string): void {
  go(hrefOf(['jobs', id]));
  requestAnimationFrame(() => document.querySelector<HTMLElement>('#view-title')?.focus({ preventScroll: true }));
}
