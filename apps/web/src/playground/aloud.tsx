/** Gives a screen reader the sentences of the first text that is written, if the reader of the page chose that. */
import { type ReadonlySignal, useComputed, useSignal, useSignalEffect } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { settings } from '../settings.ts';
import type { Sample } from './sample.ts';
import { wholeSentencesLength } from './sentences.ts';

export function Aloud({ samples }: { readonly samples: ReadonlySignal<readonly Sample[]> }) {
  const sentences = useSignal('');
  const said = useRef({ sample: null as Sample | null, length: 0 });
  const sample = useComputed(() => samples.value.find(({ stage }) => stage.value === 'running') ?? said.current.sample);
  useSignalEffect(() => {
    const current = sample.value;
    if (settings.aloud.current.value === 'off' || current === null) return;
    if (said.current.sample !== current) said.current = { sample: current, length: 0 };
    const text = current.text.value;
    const length = current.isOver.value ? text.length : wholeSentencesLength(text);
    if (length <= said.current.length) return;
    sentences.value = text.slice(said.current.length, length);
    said.current.length = length;
  });
  return (
    <p class="hidden" aria-live="polite">
      {sentences}
    </p>
  );
}
