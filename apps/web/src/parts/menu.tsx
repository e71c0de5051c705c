/** A button that opens a list of actions below it. */
import { useSignal, useSignalEffect } from '@preact/signals';
import { useId, useRef } from 'preact/hooks';
import { Icon, type IconName } from './icons.tsx';

export interface MenuItem {
  readonly name: string;
  readonly act: () => void;
}

export interface MenuProps {
  readonly label: string;
  /** Shown instead of the label. Default: none. */
  readonly icon?: IconName;
  readonly items: readonly MenuItem[];
}

export function Menu({ label, icon, items }: MenuProps) {
  const isOpen = useSignal(false);
  const element = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || !isOpen.value) return;
    event.preventDefault();
    event.stopPropagation();
    isOpen.value = false;
    button.current?.focus();
  };
  // A pointer leaves by a press elsewhere: in Safari a pressed button gets no focus.
  const closeUnlessInside = (target: EventTarget | null): void => {
    if (target instanceof Node && element.current?.contains(target) !== true) isOpen.value = false;
  };
  useSignalEffect(() => {
    if (!isOpen.value) return undefined;
    const onPointerDown = ({ target }: PointerEvent): void => closeUnlessInside(target);
    document.addEventListener('pointerdown', onPointerDown);
    return () => document.removeEventListener('pointerdown', onPointerDown);
  });
  const choose = ({ act }: MenuItem): void => {
    isOpen.value = false;
    button.current?.focus();
    act();
  };

  return (
    <div
      class="menu"
      ref={element}
      onKeyDown={onKeyDown}
      onFocusOut={({ relatedTarget }) => closeUnlessInside(relatedTarget)}
    >
      <button
        type="button"
        class={icon === undefined ? 'opens' : 'quiet'}
        ref={button}
        aria-expanded={isOpen.value}
        aria-controls={id}
        onClick={() => (isOpen.value = !isOpen.value)}
      >
        {icon === undefined ? (
          label
        ) : (
          <>
            <Icon name={icon} />
            <span class="hidden">{label}</span>
          </>
        )}
      </button>
      <ul id={id} hidden={!isOpen.value}>
        {items.map((item) => (
          <li key={item.name}>
            <button type="button" class="quiet" onClick={() => choose(item)}>
              {item.name}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
