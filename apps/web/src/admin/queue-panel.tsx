/** The queue: its jobs, and its pause. */
import type { QueueBody } from '@prosemill/contract';
import { useComputed, useSignalEffect } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { formatCount, formatPlural, formatTime, none } from '../format.ts';
import { confirm } from '../parts/confirm-dialog.tsx';
import { Icon } from '../parts/icons.tsx';
import { ProblemBox } from '../parts/problem-box.tsx';
import { health } from '../service-state.ts';
import { everyWhileVisible } from '../while-visible.ts';
import { QueueAdmin } from './queue-admin.ts';

const refreshMs = 5_000;

export function QueuePanel() {
  const admin = useMemo(() => new QueueAdmin(), []);
  const isPaused = useComputed(() => health.value?.queue.paused);
  useSignalEffect(() => {
    // The banner resumes it too.
    void isPaused.value;
    return everyWhileVisible(refreshMs, async () => admin.refresh());
  });
  const pause = async (): Promise<void> => {
    if (await confirm(pauseQuestion())) await admin.pause();
  };
  const queue = admin.queue.value;
  const problem = admin.problem.value;
  return (
    <section class="panel" aria-labelledby="queue-title">
      <h2 id="queue-title">Queue</h2>
      {problem === null ? null : <ProblemBox problem={problem} slot="admin" onRetry={() => void admin.refresh()} />}
      {queue === null ? null : <QueueState queue={queue} />}
      {queue?.paused === true ? (
        <button type="button" class="main" onClick={() => void admin.resume()}>
          Resume
        </button>
      ) : (
        <button type="button" onClick={() => void pause()}>
          Pause…
        </button>
      )}
    </section>
  );
}

const counts = () => health.value?.queue ?? { queued: null, running: null };
const jobs = (count: number | null): string => (count === null ? 'Some jobs' : formatPlural(count, 'job'));

function pauseQuestion() {
  const { queued, running } = counts();
  return {
    title: 'Pause the queue?',
    text: `${jobs(running)} under way will go on. ${jobs(queued)} that wait, and new ones, stay safe in the queue: no worker begins any of them until somebody resumes it, not even after a restart.`,
    action: 'Pause',
  };
}

function QueueState({ queue: { paused, paused_at, paused_by } }: { readonly queue: QueueBody }) {
  const { queued, running } = counts();
  return (
    <>
      <p>
        <Icon name={paused ? 'pause' : 'play'} /> <b>{paused ? 'Paused' : 'Runs'}</b> ·{' '}
        {queued === null ? none : formatCount(queued)} wait · {running === null ? none : formatCount(running)} run
      </p>
      {paused_at === null ? null : (
        <p class="muted">
          Since {formatTime(paused_at)}
          {paused_by === null ? '' : `, by ${authorOf(paused_by)}`}.
        </p>
      )}
    </>
  );
}

const authorOf = ({ owner, key }: NonNullable<QueueBody['paused_by']>): string =>
  key === null ? owner : `the key ${key.name} (${key.prefix}…) of ${owner}`;
