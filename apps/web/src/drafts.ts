/** Texts of the reader that survive a reload of the tab, and nothing else. */

const prefix = 'prosemill.draft.';

/** @returns null: there is none, or it is of another version of the page */
export function readDraft(name: string): unknown {
  try {
    return JSON.parse(sessionStorage.getItem(prefix + name) ?? 'null');
  } catch {
    return null;
  }
}

export const keepDraft = (name: string, draft: unknown): void =>
  sessionStorage.setItem(prefix + name, JSON.stringify(draft));

export const dropDraft = (name: string): void => sessionStorage.removeItem(prefix + name);

export function forgetDrafts(): void {
  for (const name of Object.keys(sessionStorage)) if (name.startsWith(prefix)) sessionStorage.removeItem(name);
}
