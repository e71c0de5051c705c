/** The actions of the reader on the rows of a list. */
import type { JobBody } from '@prosemill/contract';
import { signal } from '@preact/signals';
import type { PageProblem } from '../api.ts';
import { copy } from '../copy.ts';
import { toast } from '../toast.ts';
import { describeVerification, verifyJob } from '../verify.ts';
import { isOpen } from './is-open.ts';
import type { JobList } from './job-list.ts';
import type { RowCursor } from './row-cursor.ts';

/** Places of the current row, by the keys that move it. */
const steps: Readonly<Record<string, number | undefined>> = {
  ArrowDown: 1,
  ArrowUp: -1,
  Home: -Infinity,
  End: Infinity,
};

export class RowActions {
  readonly #list: JobList;
  readonly #cursor: RowCursor;
  /** The problem of the latest action; null: there was none. */
  readonly problem = signal<PageProblem | null>(null);
  /** The element of the rows; null while they are not shown. */
  element: HTMLElement | null = null;

  constructor(list: JobList, cursor: RowCursor) {
    this.#list = list;
    this.#cursor = cursor;
  }

  /** Ends a job that has not ended, and runs another one again. Rows have it as a property, so it is bound. */
  readonly act = async (job: JobBody): Promise<void> => {
    this.problem.value = isOpen(job) ? await this.#list.cancel([job.id]) : await this.#list.repeat(job.id);
  };

  readonly onKeyDown = (event: KeyboardEvent): void => {
    const places = steps[event.key];
    if (places === undefined) return;
    event.preventDefault();
    this.step(places);
  };

  /** Focuses another row; the current one, if none has the focus. */
  step(places: number): void {
    const hasFocus = this.element?.contains(document.activeElement) === true;
    const id = this.#cursor.step(this.#list.ids.value ?? [], hasFocus ? places : 0);
    if (id !== null) this.element?.querySelector<HTMLElement>(`[data-id="${CSS.escape(id)}"] a`)?.focus();
  }

  toggle(): void {
    this.#onCurrent(({ id }) => this.#cursor.toggle(id));
  }

  cancel(): void {
    this.#onCurrent((job) => void (isOpen(job) && this.act(job)));
  }

  repeat(): void {
    this.#onCurrent((job) => void (isOpen(job) || this.act(job)));
  }

  copyText(): void {
    this.#onCurrent(({ output }) => void (output === null || copy(output.generated_text, 'Text')));
  }

  verify(): void {
    this.#onCurrent((job) => void (job.status === 'succeeded' && this.#verify(job)));
  }

  async #verify(job: JobBody): Promise<void> {
    toast('Computing it again…');
    const result = await verifyJob(job);
    if (result.kind === 'problem') this.problem.value = result.problem;
    else toast(describeVerification(result));
  }

  #onCurrent(action: (job: JobBody) => void): void {
    const id = this.#cursor.current.value;
    const job = id === null ? undefined : this.#list.jobOf(id);
    if (job !== undefined) action(job.value);
  }
}
