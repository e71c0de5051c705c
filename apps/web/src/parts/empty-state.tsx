/** The place of things that are not there, with the way to get some. */
import type { ComponentChildren } from 'preact';

export function EmptyState({ children }: { readonly children: ComponentChildren }) {
  return <div class="empty muted">{children}</div>;
}
