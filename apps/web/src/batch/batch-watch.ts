/** A batch as the service knows it, looked at again until its last job has ended. */
import type { BatchBody } from '@prosemill/contract';
import { computed, signal } from '@preact/signals';
import type { PageProblem } from '../api.ts';
import { explain } from '../problem-text.ts';
import { cancelBatch, getBatch } from '../requests.ts';
import { toast } from '../toast.ts';
import { everyWhileVisible } from '../while-visible.ts';

const lookMs = 2_000;

export class BatchWatch {
  readonly #id: string;
  /** Null until the first answer. */
  readonly batch = signal<BatchBody | null>(null);
  /** The reason why there is no newer batch; null: there is. */
  readonly problem = signal<PageProblem | null>(null);
  /** Whether another look may find something else. */
  readonly mayChange = computed(() =>
    this.problem.value === null ? this.batch.value?.status !== 'ended' : this.problem.value.retryAfterMs !== null,
  );

  constructor(id: string) {
    this.#id = id;
  }

  /** @returns stops */
  start(): () => void {
    return everyWhileVisible(lookMs, async (abort) => this.look(abort));
  }

  async look(abort?: AbortSignal): Promise<void> {
    const answer = await getBatch(this.#id, { known: this.batch.peek(), signal: abort });
    if (abort?.aborted === true) return;
    this.problem.value = answer.ok ? null : answer.problem;
    if (answer.ok) this.batch.value = answer.body;
  }

  /** Cancels all of its jobs that have not ended. */
  async cancel(): Promise<void> {
    const answer = await cancelBatch(this.#id);
    if (answer.ok) await this.look();
    else toast(explain(answer.problem).text);
  }
}
