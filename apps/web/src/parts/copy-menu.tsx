/** A menu of texts to copy. */
import { copy } from '../copy.ts';
import { Menu } from './menu.tsx';

export interface Copyable {
  /** `curl` */
  readonly name: string;
  readonly make: () => string;
}

export function CopyMenu({ label, items }: { readonly label: string; readonly items: readonly Copyable[] }) {
  return <Menu label={label} items={items.map(({ name, make }) => ({ name, act: () => void copy(make(), name) }))} />;
}
