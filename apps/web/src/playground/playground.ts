/** The texts of the playground, and their place in the address: `#/?jobs=ID,ID`. */
import { newIdempotencyKey } from '@prosemill/client';
import { computed, signal } from '@preact/signals';
import type { GenerationRequest } from '@prosemill/client';
import { dropDraft, keepDraft, readDraft } from '../drafts.ts';
import type { Live } from '../live.ts';
import { go, hrefOf, type Place } from '../router.ts';
import { type Order, Sample } from './sample.ts';
import { sharedBeginning } from './shared-beginning.ts';
import { type Promised, promisedQuery, readPromised } from './shared-request.ts';
import { mostSamples } from './variety.ts';

/** The texts while one of them has no id yet, so that a reload before the answer makes no second job. */
const draftName = 'texts';

interface Shown {
  readonly sample: Sample;
  /** Null: it was found by its id. */
  readonly order: Order | null;
}

/** A text in the draft: by its id as soon as it has one. */
type Draft = { readonly id: string } | { readonly order: Order };

export class Playground {
  readonly #live: Live;
  readonly #shown = signal<readonly Shown[]>([]);
  readonly samples = computed(() => this.#shown.value.map(({ sample }) => sample));
  /** The text that the link promised, for comparison. */
  readonly promised = signal<Promised | null>(null);
  /** Whether the beginning that the texts share is marked. */
  readonly isComparing = signal(false);
  readonly sharedLength = computed(() =>
    this.isComparing.value ? sharedBeginning(this.samples.value.map(({ text }) => text.value)) : 0,
  );
  /** The next change of the address is a new place, which the back button leaves. */
  #isNewPlace = false;

  constructor(live: Live) {
    this.#live = live;
  }

  /** Shows the texts of a place. A place that the playground made itself changes nothing. */
  open(place: Place): void {
    const ids = (place.query.get('jobs') ?? '').split(',').filter((id) => id !== '');
    this.promised.value = readPromised(place);
    const drafts = this.#shown.peek().length === 0 ? readDrafts() : [];
    if (drafts.length > 0) {
      this.#show(drafts.map((draft) => ('id' in draft ? this.#find(draft.id) : this.#order(draft.order))));
    } else if (ids.join() !== this.#ids().join()) {
      const known = new Map(this.#shown.peek().map((shown) => [shown.sample.job.peek()?.id, shown]));
      this.#show(ids.slice(0, mostSamples).map((id) => known.get(id) ?? this.#find(id)));
    }
  }

  /**
   * Writes texts beside those that are pinned, as many as there is room for.
   * @param keepsPromise the request is that of the link, whose promise holds for its text
   */
  write(bodies: readonly GenerationRequest[], { keepsPromise }: { readonly keepsPromise: boolean }): void {
    const pinned = this.#shown.peek().filter(({ sample }) => sample.isPinned.peek());
    const room = keepsPromise ? 1 : Math.max(1, mostSamples - pinned.length);
    const orders = bodies.slice(0, room).map((body): Order => ({ key: newIdempotencyKey(), body, retry: null }));
    if (!keepsPromise) this.promised.value = null;
    this.#isNewPlace = true;
    this.#show([...pinned, ...orders.map((order) => this.#order(order))]);
  }

  /** Writes a text again, in its place. */
  again(sample: Sample, seed: 'same' | 'new'): void {
    const job = sample.job.peek();
    const { order } = this.#shown.peek().find((shown) => shown.sample === sample) ?? { order: null };
    const next: Order | null =
      job === null
        ? order && { ...order, key: newIdempotencyKey() }
        : { key: newIdempotencyKey(), body: { prompt: job.prompt }, retry: { of: job.id, changes: { seed } } };
    if (next === null) return;
    this.promised.value = null;
    this.#isNewPlace = true;
    this.#show(this.#shown.peek().map((shown) => (shown.sample === sample ? this.#order(next) : shown)));
  }

  /** Leaves the texts; their jobs go on. */
  close(): void {
    for (const { sample } of this.#shown.peek()) sample.dispose();
    this.#shown.value = [];
  }

  #show(next: readonly Shown[]): void {
    for (const shown of this.#shown.peek()) if (!next.includes(shown)) shown.sample.dispose();
    this.#shown.value = next;
    this.#keepDrafts();
  }

  #order(order: Order): Shown {
    return { order, sample: Sample.order(order, { live: this.#live, onTurn: () => this.#tellPlace() }) };
  }

  #find(id: string): Shown {
    return { order: null, sample: Sample.ofJob(id, { live: this.#live, onTurn: () => undefined }) };
  }

  #ids(): readonly string[] {
    return this.samples.peek().flatMap((sample) => sample.job.peek()?.id ?? []);
  }

  #keepDrafts(): void {
    const drafts = this.#shown.peek().flatMap(({ sample, order }): readonly Draft[] => {
      const id = sample.job.peek()?.id;
      if (id !== undefined) return [{ id }];
      return order === null || sample.isOver.peek() ? [] : [{ order }];
    });
    if (drafts.some((draft) => 'order' in draft)) keepDraft(draftName, drafts);
    else dropDraft(draftName);
  }

  #tellPlace(): void {
    this.#keepDrafts();
    if (this.#ids().length === 0) return;
    const query = new URLSearchParams({ jobs: this.#ids().join(), ...promisedQuery(this.promised.peek()) });
    go(hrefOf([], query), this.#isNewPlace ? 'push' : 'replace');
    this.#isNewPlace = false;
  }
}

const readDrafts = (): readonly Draft[] => {
  const drafts = readDraft(draftName);
  return Array.isArray(drafts) ? (drafts as Draft[]) : [];
};
