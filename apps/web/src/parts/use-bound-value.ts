/** Binds an input to a signal. */
import { type ReadonlySignal, useSignalEffect } from '@preact/signals';
import type { RefObject } from 'preact';
import { useRef } from 'preact/hooks';

/**
 * Gives an input the value of a signal. A value that the input has already is not written: that would lose the point of
 * a number that is being typed, of which `value` knows nothing yet.
 */
export function useBoundValue<Input extends HTMLInputElement | HTMLTextAreaElement>(
  value: ReadonlySignal<string>,
): RefObject<Input | null> {
  const element = useRef<Input>(null);
  useSignalEffect(() => {
    const text = value.value;
    if (element.current !== null && element.current.value !== text) element.current.value = text;
  });
  return element;
}
