/**
 * The API keys that this page uses. An admin key sees no jobs, so there is room for two: one for texts, one for
 * administration. They are in sessionStorage, and in localStorage only when the reader chose that.
 */
import { signal } from '@preact/signals';
import { deviceStorage, tabStorage, type TextStorage } from './storage.ts';

export const keySlots = ['texts', 'admin'] as const;
export type KeySlot = (typeof keySlots)[number];
/** The key that a request needs: that of a slot, or either of them. */
export type KeyUse = KeySlot | 'either';
/** Until this tab closes, or on this device. */
export type KeyPlace = 'tab' | 'device';

export interface KeyQuestion {
  readonly slot: KeySlot;
  /** The service refused the key that is there. */
  readonly isRefused: boolean;
}

/** The question that the key dialog shows; null: it is closed. */
export const keyQuestion = signal<KeyQuestion | null>(null);
/** The slots that have a key. */
export const keysHeld = signal<readonly KeySlot[]>([]);

const nameOf = (slot: KeySlot): string => `prosemill.key.${slot}`;
const storages = (): Record<KeyPlace, TextStorage> => ({ tab: tabStorage(), device: deviceStorage() });

/** The questions that the reader closed: background requests do not open them again. */
const declined = new Set<KeySlot>();
let answerQuestion: ((isAnswered: boolean) => void) | null = null;
let pending: Promise<boolean> | null = null;

const readKey = (slot: KeySlot): string | null =>
  storages().tab.getItem(nameOf(slot)) ?? storages().device.getItem(nameOf(slot));

/** Whether the only key is one for administration, which opens no streams. */
export const isOnlyAdmin = (): boolean => keysHeld.peek().join() === 'admin';

/** The key that a request carries; null: none. */
export const keyFor = (use: KeyUse): string | null =>
  use === 'either' ? (readKey('texts') ?? readKey('admin')) : readKey(use);

/**
 * Opens the key dialog, unless the reader closed it before for this slot.
 * @param force the reader asks for the dialog
 * @returns whether there is a key now
 */
export async function askForKey(question: KeyQuestion, force = false): Promise<boolean> {
  if (pending !== null) return pending;
  if (force) declined.delete(question.slot);
  if (declined.has(question.slot)) return false;
  pending = new Promise((resolve) => {
    answerQuestion = resolve;
  });
  keyQuestion.value = question;
  return pending;
}

function closeQuestion(isAnswered: boolean): void {
  const resolve = answerQuestion;
  keyQuestion.value = null;
  answerQuestion = null;
  pending = null;
  resolve?.(isAnswered);
}

export function declineQuestion(): void {
  if (keyQuestion.value !== null) declined.add(keyQuestion.value.slot);
  closeQuestion(false);
}

let nextKey = Promise.withResolvers<void>();

/** Resolves when the reader gives the next key, wherever the page asks for it. */
export const untilNextKey = async (): Promise<void> => nextKey.promise;

/** Keeps a key, and lets the requests that wait for it go on. */
export function keepKey(key: string, slots: readonly KeySlot[], place: KeyPlace): void {
  for (const slot of slots) {
    for (const storage of Object.values(storages())) storage.removeItem(nameOf(slot));
    storages()[place].setItem(nameOf(slot), key);
    declined.delete(slot);
  }
  noteHeldKeys();
  closeQuestion(true);
  nextKey.resolve();
  nextKey = Promise.withResolvers();
}

export function forgetKeys(): void {
  for (const slot of keySlots) {
    for (const storage of Object.values(storages())) storage.removeItem(nameOf(slot));
    declined.delete(slot);
  }
  noteHeldKeys();
}

export function noteHeldKeys(): void {
  keysHeld.value = keySlots.filter((slot) => readKey(slot) !== null);
}
