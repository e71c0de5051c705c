/** The queue as its administrator sees it. */
import type { QueueBody } from '@prosemill/contract';
import { type ReadonlySignal, signal } from '@preact/signals';
import type { Answer, PageProblem } from '../api.ts';
import { look } from '../service-state.ts';
import { getQueue, pauseQueue, resumeQueue } from './admin-requests.ts';

export class QueueAdmin {
  readonly #queue = signal<QueueBody | null>(null);
  /** Null until the first answer. */
  readonly queue: ReadonlySignal<QueueBody | null> = this.#queue;
  readonly #problem = signal<PageProblem | null>(null);
  /** The latest answer was this one. */
  readonly problem: ReadonlySignal<PageProblem | null> = this.#problem;

  async refresh(): Promise<void> {
    this.#note(await getQueue());
  }

  async pause(): Promise<void> {
    this.#note(await pauseQueue());
    await look();
  }

  async resume(): Promise<void> {
    this.#note(await resumeQueue());
    await look();
  }

  #note(answer: Answer<QueueBody>): void {
    this.#problem.value = answer.ok ? null : answer.problem;
    if (answer.ok) this.#queue.value = answer.body;
  }
}
