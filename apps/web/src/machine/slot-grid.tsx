/** The slots of a worker: each fills as its text is written. Those of the reader are links to their jobs. */
import type { MachineBody } from '@prosemill/contract';
import { formatCount } from '../format.ts';
import { hrefOf } from '../router.ts';

type SlotStates = NonNullable<MachineBody['workers'][number]['slot_states']>;
type Slot = NonNullable<SlotStates[number]>;

export interface SlotGridProps {
  /** `Slots of worker 0151` */
  readonly label: string;
  readonly slots: SlotStates;
}

export function SlotGrid({ label, slots }: SlotGridProps) {
  return (
    <ul class="slot-grid" aria-label={label}>
      {[...slots.entries()].map(([index, slot]) => (
        <SlotCell key={index} number={index + 1} slot={slot} />
      ))}
    </ul>
  );
}

function SlotCell({ number, slot }: { readonly number: number; readonly slot: Slot | null }) {
  if (slot === null) {
    return (
      <li class="slot">
        <span class="hidden">Slot {number}: free</span>
      </li>
    );
  }
  const words = `Slot ${number}: ${wordsOf(slot)}`;
  return (
    <li class={slot.job_id === null ? 'slot' : 'slot slot-mine'} title={words}>
      <span class={`slot-fill slot-${slot.phase}`} style={{ width: `${filled(slot)}%` }} />
      {slot.job_id === null ? (
        <span class="hidden">{words}</span>
      ) : (
        <a href={hrefOf(['jobs', slot.job_id])}>
          <span class="hidden">{words}, of yours</span>
        </a>
      )}
    </li>
  );
}

const wordsOf = ({ phase, tokens, limit }: Slot): string =>
  phase === 'prompt'
    ? 'reads a prompt'
    : `writes, ${formatCount(tokens)}${limit === null ? '' : ` of ${formatCount(limit)}`} tokens`;

/** Percent. A text that has just begun is visible already. */
const filled = ({ tokens, limit }: Slot): number =>
  limit === null || limit === 0 ? 6 : Math.max(6, Math.min(100, (100 * tokens) / limit));
