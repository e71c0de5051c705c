/** A batch on a page of its own. */
import type { BatchBody } from '@prosemill/contract';
import { useComputed, useSignalEffect } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { formatCount, formatPlural, formatTime, formatWait } from '../format.ts';
import { jobStatuses } from '../jobs/job-filters.ts';
import { nowMs } from '../now.ts';
import { pageTitle } from '../page-title.ts';
import { confirm } from '../parts/confirm-dialog.tsx';
import { ProblemBox } from '../parts/problem-box.tsx';
import { Skeleton } from '../parts/skeleton.tsx';
import { StatusLabel } from '../parts/status-label.tsx';
import { ViewHeading } from '../parts/view-heading.tsx';
import { hrefOf } from '../router.ts';
import { BatchWatch } from './batch-watch.ts';

export function BatchPage({ id }: { readonly id: string }) {
  const watch = useMemo(() => new BatchWatch(id), [id]);
  const { mayChange, batch } = watch;
  useEffect(() => (mayChange.value ? watch.start() : undefined), [watch, mayChange.value]);
  const name = id.slice(0, 8);
  useSignalEffect(() => {
    const known = batch.value;
    const progress = known?.status === 'in_progress' ? `${endedOf(known)}/${known.counts.total} · ` : '';
    pageTitle.value = `${progress}Batch ${name}`;
  });
  return (
    <section class="panel">
      <div class="bar batch-head">
        <a href={hrefOf(['jobs'])}>← Jobs</a>
        <ViewHeading title={`Batch ${name}`}>
          Batch <span class="mono">{name}…</span>
        </ViewHeading>
        <CancelButton watch={watch} />
      </div>
      <BatchProblem watch={watch} />
      {/* Always there, so that screen readers hear of the end. */}
      <span role="status" class="hidden">
        {useComputed(() => (batch.value?.status === 'ended' ? 'The batch has ended.' : ''))}
      </span>
      <BatchContent watch={watch} />
    </section>
  );
}

interface WatchProps {
  readonly watch: BatchWatch;
}

const openOf = ({ counts: { queued, running } }: BatchBody): number => queued + running;
const endedOf = (batch: BatchBody): number => batch.counts.total - openOf(batch);

function CancelButton({ watch }: WatchProps) {
  const open = useComputed(() => (watch.batch.value === null ? 0 : openOf(watch.batch.value))).value;
  if (open === 0) return null;
  const cancel = async (): Promise<void> => {
    const jobs = formatPlural(open, 'job');
    const isConfirmed = await confirm({
      title: `Cancel ${jobs} of this batch?`,
      text: 'Those that wait do not run. Those that run stop within a token, and keep their texts so far.',
      action: `Cancel ${jobs}`,
    });
    if (!isConfirmed) return;
    await watch.cancel();
    // The button goes with the last open job.
    document.querySelector<HTMLElement>('#view-title')?.focus();
  };
  return (
    <button type="button" onClick={() => void cancel()}>
      Cancel {formatCount(open)}…
    </button>
  );
}

function BatchProblem({ watch }: WatchProps) {
  const problem = watch.problem.value;
  return problem === null ? null : <ProblemBox problem={problem} onRetry={() => void watch.look()} />;
}

function BatchContent({ watch }: WatchProps) {
  const batch = watch.batch.value;
  if (batch === null) return watch.problem.value === null ? <Skeleton lines={4} /> : null;
  return (
    <>
      <Progress batch={batch} />
      <ul class="batch-counts" aria-label="Jobs by status">
        {jobStatuses.map((status) =>
          batch.counts[status] === 0 ? null : (
            <li key={status}>
              <a href={hrefOf(['jobs'], { status, batch_id: batch.id })}>
                <StatusLabel status={status}>
                  {formatCount(batch.counts[status])} {status}
                </StatusLabel>
              </a>
            </li>
          ),
        )}
        <li>
          <a href={hrefOf(['jobs'], { batch_id: batch.id })}>All with their texts</a>
        </li>
      </ul>
      <h2 id="batch-jobs-title">Jobs</h2>
      <ul class="batch-jobs" aria-labelledby="batch-jobs-title">
        {batch.jobs.map(({ id, custom_id, status }) => (
          <li key={id}>
            <a href={hrefOf(['jobs', id])}>{custom_id}</a>
            <StatusLabel status={status} />
          </li>
        ))}
      </ul>
    </>
  );
}

function Progress({ batch }: { readonly batch: BatchBody }) {
  const { counts, created_at, finished_at, estimated_finish_at } = batch;
  const sentence = `${formatCount(endedOf(batch))} of ${formatPlural(counts.total, 'job')} ended`;
  return (
    <>
      <progress class="batch-progress" aria-label="Ended jobs" max={counts.total} value={endedOf(batch)} />
      <p class="figures">
        {sentence}
        {finished_at === null ? <Wait end={estimated_finish_at} /> : `, the last at ${formatTime(finished_at)}`}.{' '}
        <span class="small muted">Submitted {formatTime(created_at)}.</span>
      </p>
    </>
  );
}

/** Drawn each second. */
function Wait({ end }: { readonly end: string | null }) {
  return end === null ? null : <>, the last {formatWait(end, nowMs.value)}</>;
}
