/** Texts of the reader that survive a reload of the tab, and nothing else. */
import { namesIn, tabStorage } from './storage.ts';

const prefix = 'prosemill.draft.';

/** @returns null: there is none, or it is of another version of the page */
export function readDraft(name: string): unknown {
  try {
    return JSON.parse(tabStorage().getItem(prefix + name) ?? 'null');
  } catch {
    return null;
  }
}

export const keepDraft = (name: string, draft: unknown): void =>
  tabStorage().setItem(prefix + name, JSON.stringify(draft));

export const dropDraft = (name: string): void => tabStorage().removeItem(prefix + name);

export function forgetDrafts(): void {
  const storage = tabStorage();
  for (const name of namesIn(storage)) if (name.startsWith(prefix)) storage.removeItem(name);
}
