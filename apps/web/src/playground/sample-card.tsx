/** A text of the playground: its state, what there is to say about it, and what can be done with it. */
import { useComputed } from '@preact/signals';
import { explain, explainEnd } from '../problem-text.ts';
import { live } from '../live.ts';
import { ProblemBox } from '../parts/problem-box.tsx';
import { Prose } from '../parts/prose.tsx';
import { RelativeTime } from '../parts/relative-time.tsx';
import { StatusLabel } from '../parts/status-label.tsx';
import { describeVerification } from '../verify.ts';
import { describeProgress, stageWords, statusOf } from './progress.ts';
import type { Sample } from './sample.ts';
import { SampleActions, type SampleActionsProps } from './sample-actions.tsx';
import { judge } from './shared-request.ts';

export interface SampleCardProps extends SampleActionsProps {
  /** From 1. */
  readonly number: number;
}

export function SampleCard(props: SampleCardProps) {
  const { sample, number, playground } = props;
  const isWriting = useComputed(() => sample.stage.value === 'running');
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || event.defaultPrevented) return;
    event.preventDefault();
    void sample.stop();
  };
  return (
    <section class="sample" id={`sample-${number}`} aria-label={`Sample ${number}`} tabIndex={-1} onKeyDown={onKeyDown}>
      <Head sample={sample} />
      <Notes sample={sample} playground={playground} />
      <Text sample={sample} number={number} playground={playground} isWriting={isWriting} />
      <SampleActions {...props} />
    </section>
  );
}

function Head({ sample }: { readonly sample: Sample }) {
  const progress = useComputed(() => describeProgress(sample));
  const stage = sample.stage.value;
  const ended = sample.job.value?.finished_at ?? null;
  const isLost = useComputed(() => live.state.value === 'lost' && !sample.isOver.value);
  return (
    <div class="bar small">
      <StatusLabel status={statusOf(stage)}>{stageWords[stage]}</StatusLabel>
      {isLost.value && <span class="status expired">Connection lost</span>}
      <span class="muted figures">{progress}</span>
      {ended !== null && (
        <span class="muted">
          <RelativeTime time={ended} />
        </span>
      )}
    </div>
  );
}

interface TextProps extends Pick<SampleCardProps, 'sample' | 'number' | 'playground'> {
  readonly isWriting: { readonly value: boolean };
}

function Text({ sample, number, playground, isWriting }: TextProps) {
  return (
    <Prose
      label={`Text ${number}`}
      prompt={sample.prompt.value}
      completion={sample.text}
      sharedLength={playground.sharedLength}
      isWriting={isWriting.value}
    />
  );
}

/** Everything that there is to say about the text besides its state. */
function Notes({ sample, playground }: Pick<SampleCardProps, 'sample' | 'playground'>) {
  const job = sample.job.value;
  const problem = sample.problem.value;
  const promised = playground.promised.value;
  const judgement = job === null || promised === null ? null : judge(job, promised);
  const verification = sample.verification.value;
  const end = job === null ? '' : explainEnd(job);
  return (
    <>
      {problem !== null && problem.retryAfterMs === null && <ProblemBox problem={problem} />}
      {problem !== null && problem.retryAfterMs !== null && (
        <p class="status expired">{explain(problem).text} Trying again…</p>
      )}
      {end !== '' && <p class="status failed">{end}</p>}
      {sample.resets.value > 0 && <p class="small muted">Begun anew after a fault.</p>}
      {judgement !== null && (
        <p class={`status ${judgement.isKept ? 'succeeded' : 'failed'}`} role="status">
          {judgement.text}
        </p>
      )}
      {verification?.kind === 'problem' && <ProblemBox problem={verification.problem} />}
      {verification !== null && verification.kind !== 'problem' && (
        <p class={`status ${verification.kind === 'different' ? 'failed' : 'succeeded'}`} role="status">
          {describeVerification(verification)}
        </p>
      )}
    </>
  );
}
