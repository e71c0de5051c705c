/** The deliveries of a job, looked at again until all are delivered or given up. */
import type { DeliveryBody } from '@prosemill/contract';
import { computed, signal } from '@preact/signals';
import type { PageProblem } from '../api.ts';
import { explain } from '../problem-text.ts';
import { listDeliveries, redeliver } from '../requests.ts';
import { toast } from '../toast.ts';
import { everyWhileVisible } from '../while-visible.ts';

const lookMs = 2_000;

export class DeliveryWatch {
  readonly #jobId: string;
  /** Null until the first answer. */
  readonly deliveries = signal<readonly DeliveryBody[] | null>(null);
  /** The reason why nothing newer is known; null: there is none. */
  readonly problem = signal<PageProblem | null>(null);
  /** Whether another look may find something else. */
  readonly mayChange = computed(() =>
    this.problem.value === null
      ? (this.deliveries.value?.some(({ state }) => state === 'pending' || state === 'failing') ?? true)
      : this.problem.value.retryAfterMs !== null,
  );

  constructor(jobId: string) {
    this.#jobId = jobId;
  }

  /** @returns stops */
  start(): () => void {
    return everyWhileVisible(lookMs, async (abort) => this.look(abort));
  }

  async look(abort?: AbortSignal): Promise<void> {
    const answer = await listDeliveries(this.#jobId, { signal: abort });
    if (abort?.aborted === true) return;
    this.problem.value = answer.ok ? null : answer.problem;
    if (answer.ok) this.deliveries.value = answer.body;
  }

  async sendAgain(delivery: DeliveryBody): Promise<void> {
    const answer = await redeliver(delivery);
    toast(answer.ok ? 'The message is sent again.' : explain(answer.problem).text);
    if (answer.ok) await this.look();
  }
}
