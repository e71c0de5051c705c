/** Everything that can be done with a text of the playground. */
import { useComputed } from '@preact/signals';
import { copy } from '../copy.ts';
import { CopyMenu } from '../parts/copy-menu.tsx';
import { Menu } from '../parts/menu.tsx';
import { ownSnippets } from './own-snippets.ts';
import type { Playground } from './playground.ts';
import type { Sample } from './sample.ts';
import { repeatOf, requestHref } from './shared-request.ts';

export interface SampleActionsProps {
  readonly sample: Sample;
  readonly playground: Playground;
  readonly onGoOn: (text: string) => void;
  readonly onChange: (sample: Sample) => void;
}

export function SampleActions(props: SampleActionsProps) {
  return (
    <>
      <WritingActions {...props} />
      <MoreActions sample={props.sample} />
    </>
  );
}

function WritingActions({ sample, playground, onGoOn, onChange }: SampleActionsProps) {
  const isOver = sample.isOver.value;
  const hasText = useComputed(() => sample.text.value !== '');
  return (
    <div class="bar">
      {!isOver && (
        <button type="button" onClick={() => void sample.stop()}>
          {sample.job.value === null && sample.problem.value !== null ? 'Stop trying' : 'Stop'}
        </button>
      )}
      {isOver && (
        <Menu
          label="Again"
          items={[
            { name: 'Same seed', act: () => playground.again(sample, 'same') },
            { name: 'Another seed', act: () => playground.again(sample, 'new') },
            { name: 'Change first', act: () => onChange(sample) },
          ]}
        />
      )}
      {isOver && hasText.value && (
        <button type="button" onClick={() => onGoOn(sample.whole())}>
          Go on from here
        </button>
      )}
      {sample.job.value?.status === 'succeeded' && (
        <button type="button" onClick={() => void sample.verify()}>
          Verify
        </button>
      )}
    </div>
  );
}

function MoreActions({ sample }: Pick<SampleActionsProps, 'sample'>) {
  const job = sample.job.value;
  const hasText = useComputed(() => sample.text.value !== '');
  if (job === null) return null;
  return (
    <div class="bar more-actions">
      {hasText.value && (
        <button type="button" onClick={() => void copy(sample.whole(), 'Text')}>
          Copy
        </button>
      )}
      <button
        type="button"
        aria-pressed={sample.isPinned.value}
        onClick={() => (sample.isPinned.value = !sample.isPinned.value)}
      >
        Pin
      </button>
      <CopyMenu label="Copy as" items={ownSnippets(() => repeatOf(job))} />
      {job.status === 'succeeded' && <ProofLink sample={sample} />}
    </div>
  );
}

/** The address that runs the request again, and tells whether the text is the same. */
function ProofLink({ sample }: Pick<SampleActionsProps, 'sample'>) {
  const make = (): void => {
    const job = sample.job.peek();
    if (job === null || job.model === null || job.output === null) return;
    const promised = { sha256: job.output.sha256, fingerprint: job.model.fingerprint };
    const href = requestHref(repeatOf(job), promised);
    void copy(new URL(href, location.href).href, 'Link');
  };
  return (
    <button type="button" onClick={make}>
      Link
    </button>
  );
}
