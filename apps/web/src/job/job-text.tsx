/** The prompt and the text of a job as it is written, the reason of an end without one, and the verification. */
import { useComputed } from '@preact/signals';
import { isOpen } from '../jobs/is-open.ts';
import { ProblemBox } from '../parts/problem-box.tsx';
import { Prose } from '../parts/prose.tsx';
import { describeProgress } from '../playground/progress.ts';
import { explainEnd } from '../problem-text.ts';
import { useShortcuts } from '../shortcuts.ts';
import { describeVerification } from '../verify.ts';
import type { JobProps } from './job-props.ts';

export function JobText({ sample }: JobProps) {
  const job = sample.job.value;
  if (job === null) return null;
  return (
    <section class="panel" aria-label="Text">
      <Prose label="Text" prompt={job.prompt} completion={sample.text} isWriting={job.status === 'running'} />
      {isOpen(job) ? <Progress sample={sample} /> : null}
      {sample.resets.value > 0 ? <p class="small muted">Begun anew after a fault.</p> : null}
      {sample.problem.value === null ? null : <ProblemBox problem={sample.problem.value} />}
      {job.error === null ? null : <p class="job-error">{explainEnd(job)}</p>}
      {job.status === 'succeeded' ? <VerifyBar sample={sample} /> : null}
    </section>
  );
}

function Progress({ sample }: Pick<JobProps, 'sample'>) {
  return <p class="small muted figures">{useComputed(() => describeProgress(sample))}</p>;
}

function VerifyBar({ sample }: Pick<JobProps, 'sample'>) {
  useShortcuts({ v: () => void sample.verify() });
  const state = sample.verification.value;
  const isWorking = state?.kind === 'working';
  return (
    <div class="bar">
      <button type="button" aria-disabled={isWorking} onClick={() => void sample.verify()}>
        Verify
      </button>
      {/* Always there, so that screen readers hear the result. */}
      <span role="status" class={`verified-${state?.kind ?? 'not'}`}>
        {state === null || state.kind === 'problem' ? '' : describeVerification(state)}
      </span>
      {state?.kind === 'problem' ? <ProblemBox problem={state.problem} /> : null}
    </div>
  );
}
