/** The messages of all owners that their receivers have not accepted so far. */
import type { DeliverySummary, Page } from '@prosemill/client';
import { useSignal, useSignalEffect } from '@preact/signals';
import type { PageProblem } from '../api.ts';
import { deliveryFaults } from '../delivery-faults.ts';
import { formatCount, formatWait, none } from '../format.ts';
import { nowMs } from '../now.ts';
import { ProblemBox } from '../parts/problem-box.tsx';
import { RelativeTime } from '../parts/relative-time.tsx';
import { keysHeld } from '../session.ts';
import { everyWhileVisible } from '../while-visible.ts';
import { listFailing } from './admin-requests.ts';

const refreshMs = 5_000;

export function WebhooksPanel() {
  const page = useSignal<Page<DeliverySummary> | null>(null);
  const problem = useSignal<PageProblem | null>(null);
  const refresh = async (): Promise<void> => {
    const answer = await listFailing();
    problem.value = answer.ok ? null : answer.problem;
    if (answer.ok) page.value = answer.body;
  };
  useSignalEffect(() => {
    // Another key may see them.
    void keysHeld.value;
    return everyWhileVisible(refreshMs, refresh);
  });
  return (
    <section class="panel" aria-labelledby="webhooks-title">
      <h2 id="webhooks-title">Webhooks</h2>
      {problem.value === null ? null : (
        <ProblemBox problem={problem.value} slot="admin" onRetry={() => void refresh()} />
      )}
      {page.value === null ? null : <p>{countOf(page.value)} failing</p>}
      {page.value === null || page.value.data.length === 0 ? null : <DeliveryTable deliveries={page.value.data} />}
    </section>
  );
}

const countOf = ({ data, has_more: hasMore }: Page<DeliverySummary>): string =>
  hasMore ? `More than ${formatCount(data.length)}` : formatCount(data.length);

function DeliveryTable({ deliveries }: { readonly deliveries: readonly DeliverySummary[] }) {
  return (
    <table class="admin-table">
      <caption class="hidden">Failing messages, newest first</caption>
      <thead>
        <tr>
          {['Host', 'Owner', 'Event', 'Made', 'Attempts', 'Last fault', 'Next attempt'].map((name) => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {deliveries.map((delivery) => (
          <DeliveryRow key={delivery.id} row={delivery} />
        ))}
      </tbody>
    </table>
  );
}

function DeliveryRow({ row }: { readonly row: DeliverySummary }) {
  return (
    <tr>
      <th scope="row">{row.host}</th>
      <td data-name="Owner">{row.owner}</td>
      <td data-name="Event">{row.event}</td>
      <td data-name="Made">
        <RelativeTime time={row.created_at} />
      </td>
      <td data-name="Attempts">{formatCount(row.attempts)}</td>
      <td data-name="Last fault">{faultOf(row)}</td>
      <td data-name="Next attempt">{formatWait(row.next_attempt_at, nowMs.value)}</td>
    </tr>
  );
}

function faultOf({ last }: DeliverySummary): string {
  if (last === null || last.error === null) return none;
  return deliveryFaults[last.error] + (last.status_code === null ? '' : `, status ${last.status_code}`);
}
