/** The texts side by side; on a phone, as tabs. */
import { useComputed, useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { isNarrow } from '../narrow.ts';
import { EmptyState } from '../parts/empty-state.tsx';
import { Aloud } from './aloud.tsx';
import type { Playground } from './playground.ts';
import { announce } from './progress.ts';
import type { Sample } from './sample.ts';
import { SampleCard, type SampleCardProps } from './sample-card.tsx';

type PanelProps = Pick<SampleCardProps, 'playground' | 'onGoOn' | 'onChange'>;

interface SamplesPanelProps extends PanelProps {
  /** The reader chose a prompt to begin with. */
  readonly onExample: (prompt: string) => void;
}

export function SamplesPanel({ onExample, ...props }: SamplesPanelProps) {
  const { playground } = props;
  const samples = playground.samples.value;
  const announcement = useComputed(() => announce(playground.samples.value));
  const isTabbed = isNarrow.value && samples.length > 1;
  return (
    <section class="panel samples-panel" aria-label="Texts">
      <div class="bar">
        <h2>Texts</h2>
        {samples.length > 1 && <Compare playground={playground} />}
      </div>
      {samples.length === 0 && (
        <EmptyState>
          <p>Write a prompt, and its continuation appears here, word by word, as the model writes it.</p>
          <Examples onExample={onExample} />
        </EmptyState>
      )}
      {isTabbed ? <Tabs {...props} samples={samples} /> : <Cards {...props} samples={samples} />}
      <p class="hidden" role="status">
        {announcement}
      </p>
      <Aloud samples={playground.samples} />
    </section>
  );
}

const examples = ['Once upon a time', 'The old king', 'In the middle of the forest'];

function Examples({ onExample }: Pick<SamplesPanelProps, 'onExample'>) {
  return (
    <div class="bar">
      {examples.map((prompt) => (
        <button key={prompt} type="button" class="example" onClick={() => onExample(prompt)}>
          {prompt} …
        </button>
      ))}
    </div>
  );
}

function Compare({ playground }: { readonly playground: Playground }) {
  return (
    <label class="bar compare">
      <input
        type="checkbox"
        checked={playground.isComparing}
        onChange={({ currentTarget }) => (playground.isComparing.value = currentTarget.checked)}
      />
      Mark where they part
    </label>
  );
}

interface SamplesProps extends PanelProps {
  readonly samples: readonly Sample[];
}

/** Samples have no name of their own, and their jobs come later: each gets a number at first sight. */
const keys = new WeakMap<Sample, number>();
let lastKey = 0;
function keyOf(sample: Sample): number {
  const key = keys.get(sample) ?? (lastKey += 1);
  keys.set(sample, key);
  return key;
}

function Cards({ samples, ...props }: SamplesProps) {
  return (
    <div class="samples">
      {samples.map((sample, place) => (
        <SampleCard key={keyOf(sample)} {...props} sample={sample} number={place + 1} />
      ))}
    </div>
  );
}

function Tabs({ samples, ...props }: SamplesProps) {
  const chosen = useSignal(0);
  const list = useRef<HTMLDivElement>(null);
  const place = Math.min(chosen.value, samples.length - 1);
  const sample = samples[place];
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    chosen.value = (place + step + samples.length) % samples.length;
    list.current?.querySelectorAll<HTMLElement>('[role="tab"]')[chosen.value]?.focus();
  };
  return (
    <>
      <div class="tabs" role="tablist" aria-label="Texts" ref={list}>
        {samples.map((each, at) => (
          <button
            key={keyOf(each)}
            type="button"
            role="tab"
            id={`tab-${at + 1}`}
            aria-selected={at === place}
            aria-controls="tab-panel"
            tabIndex={at === place ? 0 : -1}
            onClick={() => (chosen.value = at)}
            onKeyDown={onKeyDown}
          >
            {at + 1}
          </button>
        ))}
      </div>
      <div role="tabpanel" id="tab-panel" aria-labelledby={`tab-${place + 1}`}>
        {sample !== undefined && <SampleCard key={keyOf(sample)} {...props} sample={sample} number={place + 1} />}
      </div>
    </>
  );
}
