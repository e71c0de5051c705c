/** The figures that say most about the machine. */
import type { MachineBody } from '@prosemill/contract';
import { type ReadonlySignal, useComputed } from '@preact/signals';
import { formatCount, formatMs, none } from '../format.ts';
import { waitingOf } from './machine-facts.ts';

type Figure = (body: MachineBody) => string;

const figures: readonly (readonly [name: string, figure: Figure])[] = [
  ['Tokens a second', ({ rates }) => count(rates?.tokens)],
  ['Waiting', (body) => count(waitingOf(body))],
  ['Oldest waiting', ({ queue }) => (queue?.oldest_age_s == null ? none : formatMs(1_000 * queue.oldest_age_s))],
  ['First token, p95', ({ latency }) => formatMs(latency?.first_token_ms.p95 ?? null)],
  ['Done a minute', ({ rates }) => count(rates === null ? null : 60 * rates.ended.succeeded)],
  ['Refused a minute', ({ rates }) => count(rates === null ? null : 60 * rates.refused)],
];

const count = (value: number | null | undefined): string => (value == null ? none : formatCount(value));

export function StatTiles({ body }: { readonly body: ReadonlySignal<MachineBody | null> }) {
  return (
    <dl class="stat-tiles">
      {figures.map(([name, figure]) => (
        <StatTile key={name} name={name} figure={figure} body={body} />
      ))}
    </dl>
  );
}

interface StatTileProps {
  readonly name: string;
  readonly figure: Figure;
  readonly body: ReadonlySignal<MachineBody | null>;
}

function StatTile({ name, figure, body }: StatTileProps) {
  const value = useComputed(() => (body.value === null ? none : figure(body.value)));
  return (
    <div class="stat-tile">
      <dt class="small muted">{name}</dt>
      <dd class="figures">{value}</dd>
    </div>
  );
}
