/** A button for something that cannot be undone. Its first press asks in its place; nothing else of the page waits. */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';

export interface TwoStepButtonProps {
  /** `Delete…` */
  readonly name: string;
  /** `Delete this job for good?` */
  readonly question: string;
  /** On the button of the second step: `Delete`. */
  readonly action: string;
  readonly act: () => Promise<void>;
}

export function TwoStepButton({ name, question, action, act }: TwoStepButtonProps) {
  const isAsked = useSignal(false);
  const isActing = useSignal(false);
  const element = useRef<HTMLSpanElement>(null);
  const wasAsked = useRef(false);
  useEffect(() => {
    // The harmless button: a second press of the same key does nothing.
    if (isAsked.value || wasAsked.current) element.current?.querySelector<HTMLElement>('.keep')?.focus();
    wasAsked.current = isAsked.value;
  }, [isAsked.value]);
  const leave = (): void => {
    isAsked.value = false;
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || !isAsked.value) return;
    event.preventDefault();
    event.stopPropagation();
    leave();
  };
  const confirm = async (): Promise<void> => {
    if (isActing.value) return;
    isActing.value = true;
    await act();
    isActing.value = false;
    leave();
  };
  return (
    <span ref={element} class="two-step" role="group" aria-label={question} onKeyDown={onKeyDown}>
      {isAsked.value ? (
        <>
          <b>{question}</b>
          <button type="button" class="keep" onClick={leave}>
            Keep
          </button>
          <button type="button" class="danger" aria-disabled={isActing} onClick={() => void confirm()}>
            {action}
          </button>
        </>
      ) : (
        <button type="button" class="keep" onClick={() => (isAsked.value = true)}>
          {name}
        </button>
      )}
    </span>
  );
}
