/** The workers, and their slots. */
import type { MachineBody } from '@prosemill/contract';
import type { ReadonlySignal } from '@preact/signals';
import { formatSpeed } from '../format.ts';
import { SlotGrid } from './slot-grid.tsx';

type Worker = MachineBody['workers'][number];

export function WorkerPanels({ body }: { readonly body: ReadonlySignal<MachineBody | null> }) {
  return (
    <>
      {(body.value?.workers ?? []).map((worker) => (
        <WorkerPanel key={worker.id} worker={worker} />
      ))}
    </>
  );
}

function WorkerPanel({ worker }: { readonly worker: Worker }) {
  const { id, state, model, slots, busy, slot_states, tokens_per_second, note } = worker;
  const taken = slot_states?.filter((slot) => slot !== null).length ?? busy;
  const name = id.slice(-4);
  const facts = [
    state,
    model === null ? null : `${model.name} ${model.dtype}`,
    `${taken} of ${slots} slots`,
    tokens_per_second === null ? null : formatSpeed(tokens_per_second),
  ];
  return (
    <section class="panel" aria-label={`Worker ${name}`}>
      <h2>
        Worker <span class="mono">{name}</span>
        <span class="small muted figures"> · {facts.filter((fact) => fact !== null).join(' · ')}</span>
      </h2>
      {note === null ? null : <p class="small">{note}</p>}
      {slot_states === null ? null : <SlotGrid label={`Slots of worker ${name}`} slots={slot_states} />}
    </section>
  );
}
