/** The storages of the browser. One that blocks them gets memory instead, which lasts until the tab is reloaded. */

export type TextStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

class MemoryStorage implements TextStorage {
  readonly items = new Map<string, string>();

  getItem(name: string): string | null {
    return this.items.get(name) ?? null;
  }

  setItem(name: string, value: string): void {
    this.items.set(name, value);
  }

  removeItem(name: string): void {
    this.items.delete(name);
  }
}

const memory = { tab: new MemoryStorage(), device: new MemoryStorage() };

/** Lasts until the tab closes. */
export const tabStorage = (): TextStorage => usable(() => globalThis.sessionStorage) ?? memory.tab;

/** Lasts on this device. */
export const deviceStorage = (): TextStorage => usable(() => globalThis.localStorage) ?? memory.device;

export const namesIn = (storage: TextStorage): readonly string[] =>
  storage instanceof MemoryStorage ? [...storage.items.keys()] : Object.keys(storage);

/** Browsers throw, or have null, where cookies are blocked. */
function usable(find: () => Storage | null | undefined): Storage | null {
  try {
    return find() ?? null;
  } catch {
    return null;
  }
}
