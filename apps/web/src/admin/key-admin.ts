/** The API keys as their administrator sees them. */
import type { KeyBody } from '@prosemill/contract';
import { batch, type ReadonlySignal, signal } from '@preact/signals';
import type { PageProblem } from '../api.ts';
import { listKeys, revokeKey } from './admin-requests.ts';

export class KeyAdmin {
  readonly #keys = signal<readonly KeyBody[]>([]);
  /** Newest first. */
  readonly keys: ReadonlySignal<readonly KeyBody[]> = this.#keys;
  readonly #nextCursor = signal<string | null>(null);
  readonly #problem = signal<PageProblem | null>(null);
  /** The latest answer was this one. */
  readonly problem: ReadonlySignal<PageProblem | null> = this.#problem;

  /** Null: all keys are there. */
  get nextCursor(): ReadonlySignal<string | null> {
    return this.#nextCursor;
  }

  /** Reads the newest keys. */
  async reload(): Promise<void> {
    await this.#load(null);
  }

  async loadOlder(): Promise<void> {
    await this.#load(this.#nextCursor.value);
  }

  async revoke(id: string): Promise<void> {
    const answer = await revokeKey(id);
    if (answer.ok) await this.reload();
    else this.#problem.value = answer.problem;
  }

  async #load(cursor: string | null): Promise<void> {
    const answer = await listKeys(cursor);
    if (!answer.ok) {
      this.#problem.value = answer.problem;
      return;
    }
    const { data, next_cursor } = answer.body;
    batch(() => {
      this.#problem.value = null;
      this.#keys.value = cursor === null ? data : [...this.#keys.value, ...data];
      this.#nextCursor.value = next_cursor;
    });
  }
}
