/** A job on a page of its own. */
import { useComputed, useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { neighboursOf } from '../jobs/opened-list.ts';
import { live } from '../live.ts';
import { pageTitle } from '../page-title.ts';
import { ProblemBox } from '../parts/problem-box.tsx';
import { Skeleton } from '../parts/skeleton.tsx';
import { describeForTitle } from '../playground/progress.ts';
import { Sample } from '../playground/sample.ts';
import { getJobEvents } from '../requests.ts';
import { useShortcuts } from '../shortcuts.ts';
import { Deliveries } from './deliveries.tsx';
import { JobDetails, JobMetadata } from './job-details.tsx';
import { JobHead } from './job-head.tsx';
import type { JobProps } from './job-props.ts';
import { JobText } from './job-text.tsx';
import type { JobEvent } from './life.ts';
import { Lifeline } from './lifeline.tsx';
import { openJob } from './open-job.ts';
import { TimingBar } from './timing-bar.tsx';

export function JobPage({ id }: { readonly id: string }) {
  const sample = useMemo(() => Sample.ofJob(id, { live, onTurn: () => undefined }), [id]);
  useEffect(() => () => sample.dispose(), [sample]);
  useSignalEffect(() => {
    const progress = describeForTitle([sample]);
    pageTitle.value = progress === '' ? `Job ${id.slice(0, 8)}` : `${progress} · Job`;
  });
  useShortcuts({ '[': () => open(neighboursOf(id).newer), ']': () => open(neighboursOf(id).older) });
  return (
    <>
      <JobHead id={id} sample={sample} />
      <JobContent id={id} sample={sample} />
    </>
  );
}

function open(id: string | null): void {
  if (id !== null) openJob(id);
}

function JobContent(props: JobProps) {
  const { job, problem } = props.sample;
  const isKnown = useComputed(() => job.value !== null);
  if (!isKnown.value) return problem.value === null ? <Skeleton lines={6} /> : <ProblemBox problem={problem.value} />;
  return (
    <div class="job-grid">
      <div class="grid">
        <JobText {...props} />
        <Life {...props} />
        <Messages {...props} />
      </div>
      <Facts {...props} />
    </div>
  );
}

function Life({ id, sample: { job } }: JobProps) {
  const log = useSignal<readonly JobEvent[] | null>(null);
  const read = async (): Promise<void> => {
    const answer = await getJobEvents(id);
    // Answers may overtake each other; a log only grows.
    const known = log.peek()?.length ?? 0;
    if (answer.ok && answer.body.length > known) log.value = answer.body;
  };
  useSignalEffect(() => {
    if (job.value !== null) void read();
  });
  return (
    <section class="panel" aria-labelledby="life-title">
      <h2 id="life-title">Life</h2>
      {job.value === null ? null : <TimingBar timings={job.value.timings} />}
      {log.value === null ? <Skeleton lines={3} /> : <Lifeline log={log.value} />}
    </section>
  );
}

function Facts({ sample: { job } }: JobProps) {
  return job.value === null ? null : (
    <section class="panel" aria-labelledby="facts-title">
      <h2 id="facts-title">Facts</h2>
      <JobDetails job={job.value} />
      <JobMetadata metadata={job.value.metadata} />
    </section>
  );
}

function Messages({ sample: { job } }: JobProps) {
  const url = job.value?.webhook_url ?? null;
  return job.value === null || url === null ? null : <Deliveries job={job.value} url={url} />;
}
