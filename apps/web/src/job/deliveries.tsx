/** The messages to the webhook of a job: their states, their attempts, and a way to send them again. */
import type { DeliveryBody, JobBody } from '@prosemill/contract';
import { useEffect, useMemo } from 'preact/hooks';
import { deliveryFaults } from '../delivery-faults.ts';
import { formatMs, formatPlural, formatTime, formatWait } from '../format.ts';
import { isOpen } from '../jobs/is-open.ts';
import { nowMs } from '../now.ts';
import { ProblemBox } from '../parts/problem-box.tsx';
import { RelativeTime } from '../parts/relative-time.tsx';
import { Skeleton } from '../parts/skeleton.tsx';
import { StatusLabel } from '../parts/status-label.tsx';
import { DeliveryWatch } from './delivery-watch.ts';

export interface DeliveriesProps {
  readonly job: JobBody;
  /** The address of the webhook. */
  readonly url: string;
}

export function Deliveries({ job, url }: DeliveriesProps) {
  const watch = useMemo(() => new DeliveryWatch(job.id), [job.id]);
  const hasEnded = !isOpen(job);
  const isWatched = hasEnded && watch.mayChange.value;
  useEffect(() => (isWatched ? watch.start() : undefined), [watch, isWatched]);
  const problem = watch.problem.value;
  const deliveries = watch.deliveries.value;
  return (
    <section class="panel" aria-labelledby="deliveries-title">
      <h2 id="deliveries-title">Deliveries</h2>
      <p class="small muted">
        To <code>{url}</code>
      </p>
      {problem === null ? null : <ProblemBox problem={problem} onRetry={() => void watch.look()} />}
      {hasEnded ? null : <p>A message goes there when the job has ended: {endsOf(job)}.</p>}
      {hasEnded && deliveries === null ? <Skeleton lines={2} /> : null}
      {deliveries?.length === 0 ? <p>No message: the receiver wants to hear of {endsOf(job)} only.</p> : null}
      <ul class="deliveries">
        {(deliveries ?? []).map((delivery) => (
          <Delivery key={delivery.id} delivery={delivery} onSendAgain={() => void watch.sendAgain(delivery)} />
        ))}
      </ul>
    </section>
  );
}

const endsOf = ({ webhook_events: events }: JobBody): string =>
  (events ?? []).map((event) => event.replace('job.', '')).join(', ');

interface DeliveryProps {
  readonly delivery: DeliveryBody;
  readonly onSendAgain: () => void;
}

function Delivery({ delivery, onSendAgain }: DeliveryProps) {
  const { id, event, state, attempts, log } = delivery;
  const isUnderWay = state === 'pending';
  return (
    <li>
      <div class="bar">
        <StatusLabel status={looks[state]}>{state}</StatusLabel>
        <code>{event}</code>
        <button type="button" aria-disabled={isUnderWay} onClick={isUnderWay ? undefined : onSendAgain}>
          Send again<span class="hidden">: {event}</span>
        </button>
      </div>
      <p class="small muted figures">
        {formatPlural(attempts, 'attempt')}
        <Outlook delivery={delivery} /> · id <code>{id}</code>
      </p>
      {log.length === 0 ? null : (
        <details>
          <summary>Attempts</summary>
          <ol class="life-moments" aria-label={`Attempts of ${event}`}>
            {log.map((attempt) => (
              <Attempt key={attempt.attempt} attempt={attempt} />
            ))}
          </ol>
        </details>
      )}
    </li>
  );
}

/** Each state has the colour and the shape of the job's status that is like it. */
const looks: Readonly<Record<DeliveryBody['state'], JobBody['status']>> = {
  pending: 'queued',
  failing: 'expired',
  delivered: 'succeeded',
  failed: 'failed',
};

/** Drawn each second while an attempt is ahead. */
function Outlook({ delivery: { delivered_at, next_attempt_at, state } }: { readonly delivery: DeliveryBody }) {
  if (delivered_at !== null && state === 'delivered') {
    return (
      <>
        , accepted <RelativeTime time={delivered_at} />
      </>
    );
  }
  if (next_attempt_at !== null) return <>, next {formatWait(next_attempt_at, nowMs.value)}</>;
  return state === 'failed' ? <>, given up</> : null;
}

function Attempt({ attempt: { attempt, at, ...end } }: { readonly attempt: DeliveryBody['log'][number] }) {
  const { error, status_code: status, duration_ms: ms, location } = end;
  return (
    <li class={`life-moment life-moment-${error === null ? 'end' : 'fault'}`}>
      <span class="small muted figures">
        {attempt}. <RelativeTime time={at} />
      </span>
      <span title={formatTime(at)}>
        <b>{error === null ? 'accepted' : deliveryFaults[error]}</b>
        {status === null ? '' : `, status ${status}`}, after {formatMs(ms)}
        {location === null ? null : (
          <>
            , to <code>{location}</code>
          </>
        )}
      </span>
    </li>
  );
}
