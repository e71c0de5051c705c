/** A modal dialog, named by its heading. Focus, Esc and the inert page behind it are the platform's. */
import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useRef } from 'preact/hooks';

export interface DialogProps {
  readonly title: string;
  readonly children: ComponentChildren;
  /** Esc, and the button that closes. */
  readonly onClose: () => void;
}

/** Shown as long as it is drawn. */
export function Dialog({ title, children, onClose }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  const latest = useRef(onClose);
  latest.current = onClose;
  useLayoutEffect(() => {
    const dialog = element.current;
    const close = (): void => latest.current();
    // Esc raises `cancel` at once and `close` later: a key pressed between them could ask the next question, which
    // `close` would answer. Browsers leave `cancel` out for an Esc without a use of the page before it.
    for (const event of ['cancel', 'close']) dialog?.addEventListener(event, close);
    dialog?.showModal();
    return () => {
      for (const event of ['cancel', 'close']) dialog?.removeEventListener(event, close);
      // Gives the focus back.
      dialog?.close();
    };
  }, []);
  return (
    <dialog ref={element} aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  );
}
