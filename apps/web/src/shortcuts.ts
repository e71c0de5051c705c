/** Keyboard shortcuts: single keys, and a letter after `g`. Views bring theirs while they are shown. */
import { useEffect, useRef } from 'preact/hooks';
import { settings } from './settings.ts';

/** The key as in `KeyboardEvent.key`, or `g p` for a sequence. */
export type Shortcuts = Readonly<Record<string, (event: KeyboardEvent) => void>>;

/** The latest first. */
const active: Shortcuts[] = [];
const sequenceMs = 1_000;
let lastG = -Infinity;

const takesText = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || (target.matches('input, textarea, select') && !target.matches('[type="checkbox"]')));

function onKeyDown(event: KeyboardEvent): void {
  const { key, target } = event;
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (takesText(target) || document.querySelector('dialog[open]') !== null) return;
  if (settings.letters.current.value === 'off' && key.length === 1) return;
  const name = event.timeStamp - lastG < sequenceMs ? `g ${key}` : key;
  lastG = key === 'g' && name === 'g' ? event.timeStamp : -Infinity;
  const action = active.find((shortcuts) => Object.hasOwn(shortcuts, name))?.[name];
  if (action === undefined) return;
  event.preventDefault();
  action(event);
}

/** @returns ends them */
export function addShortcuts(shortcuts: Shortcuts): () => void {
  active.unshift(shortcuts);
  return () => {
    active.splice(active.indexOf(shortcuts), 1);
  };
}

/** Has these shortcuts while the component is shown. Their names may not change. */
export function useShortcuts(shortcuts: Shortcuts): void {
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  useEffect(() => {
    const names = Object.keys(latest.current);
    return addShortcuts(Object.fromEntries(names.map((name) => [name, (event) => latest.current[name]?.(event)])));
  }, []);
}

export function startShortcuts(): void {
  document.addEventListener('keydown', onKeyDown);
}
