/**
 * A text: its prompt, the part that it shares with others, and the rest. New text is appended to one Text node, so that
 * a selection in it stays and nothing else is drawn. Screen readers read it on demand: it is written faster than read.
 */
import { type ReadonlySignal, useSignalEffect } from '@preact/signals';
import { useRef } from 'preact/hooks';

export interface ProseProps {
  readonly label: string;
  readonly prompt: string;
  readonly completion: ReadonlySignal<string>;
  /** The length of the beginning that is shown as shared, in UTF-16 units. Default: 0. */
  readonly sharedLength?: ReadonlySignal<number> | undefined;
  /** Shows a caret at the end. Default: false. */
  readonly isWriting?: boolean;
}

export function Prose({ label, prompt, completion, sharedLength, isWriting = false }: ProseProps) {
  const shared = useRef<HTMLSpanElement>(null);
  const own = useRef<HTMLSpanElement>(null);
  useSignalEffect(() => {
    const text = completion.value;
    const length = sharedLength?.value ?? 0;
    setText(shared.current, text.slice(0, length));
    setText(own.current, text.slice(length));
  });
  return (
    <div class="prose" dir="auto" role="log" aria-live="off" aria-label={label}>
      <span class="given">{prompt}</span>
      <span class="shared" ref={shared} />
      <span class="own" ref={own} />
      {isWriting && <span class="caret" aria-hidden="true" />}
    </div>
  );
}

function setText(element: HTMLElement | null, text: string): void {
  if (element === null) return;
  const node = element.firstChild;
  if (!(node instanceof Text)) element.textContent = text;
  else if (text.startsWith(node.data)) node.appendData(text.slice(node.data.length));
  else node.data = text;
}
