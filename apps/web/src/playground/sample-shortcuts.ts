/** The shortcuts of the texts in the playground: digits give one the focus, letters act on the one that has it. */
import { copy } from '../copy.ts';
import type { Shortcuts } from '../shortcuts.ts';
import type { Playground } from './playground.ts';
import type { Sample } from './sample.ts';
import { mostSamples } from './variety.ts';

const idOf = (place: number): string => `sample-${place + 1}`;

export function sampleShortcuts(playground: Playground): Shortcuts {
  const onFocused = (act: (sample: Sample) => unknown) => (): void => {
    const id = document.activeElement?.closest('.sample')?.id;
    const sample = playground.samples.peek().find((_, place) => idOf(place) === id);
    if (sample !== undefined) act(sample);
  };
  const digits = Array.from({ length: mostSamples }, (_, place) => [
    String(place + 1),
    () => document.querySelector<HTMLElement>(`#${idOf(place)}`)?.focus(),
  ]);
  return {
    ...Object.fromEntries(digits),
    c: onFocused(async (sample) => sample.stop()),
    r: onFocused((sample) => sample.isOver.peek() && playground.again(sample, 'same')),
    v: onFocused((sample) => sample.job.peek()?.status === 'succeeded' && void sample.verify()),
    y: onFocused((sample) => void (sample.text.peek() !== '' && copy(sample.whole(), 'Text'))),
  };
}
