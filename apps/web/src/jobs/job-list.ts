/** The jobs of one query on the page: read in pages, refreshed in place. Rows read the signals of their own job. */
import type { JobFilters, Page } from '@prosemill/client';
import type { JobBody } from '@prosemill/contract';
import { batch, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type { Answer, PageProblem } from '../api.ts';
import type { cancelJob, deleteJob, getJob, listJobs, retryJob } from '../requests.ts';
import { isOpen } from './is-open.ts';
import { type JobRows, rowsOf, withFresh, withJobs, withNewest, withOlder, withoutJobs } from './job-rows.ts';

/** The requests of a list. */
export interface JobSource {
  readonly listJobs: typeof listJobs;
  readonly getJob: typeof getJob;
  readonly cancelJob: typeof cancelJob;
  readonly retryJob: typeof retryJob;
  readonly deleteJob: typeof deleteJob;
}

export const pageSize = 50;
/** Requests for single jobs at the same time: a browser has six connections, and the page needs some of them. */
const atOnce = 4;

export class JobList {
  readonly #filters: JobFilters;
  readonly #source: JobSource;
  readonly #jobs = new Map<string, Signal<JobBody>>();
  #rows: JobRows<JobBody> | null = null;
  #newest: Page<JobBody> | null = null;
  /** Deleted jobs, which an answer that was under way may still have. */
  readonly #forgotten = new Set<string>();
  #turn = 0;

  readonly #ids = signal<readonly string[] | null>(null);
  /** Null until the first page is there. Changes only when rows come or go. */
  readonly ids: ReadonlySignal<readonly string[] | null> = this.#ids;
  readonly #freshCount = signal(0);
  /** Jobs that wait to be shown. */
  readonly freshCount: ReadonlySignal<number> = this.#freshCount;
  readonly #isBroken = signal(false);
  /** Newer jobs are missing; `showFresh` begins anew. */
  readonly isBroken: ReadonlySignal<boolean> = this.#isBroken;
  readonly #hasOlder = signal(false);
  readonly hasOlder: ReadonlySignal<boolean> = this.#hasOlder;
  readonly #problem = signal<PageProblem | null>(null);
  /** The latest answer was this one. */
  readonly problem: ReadonlySignal<PageProblem | null> = this.#problem;

  constructor(filters: JobFilters, source: JobSource) {
    this.#filters = { ...filters, limit: pageSize };
    this.#source = source;
  }

  /** Whether a shown job has not ended. */
  hasOpen(): boolean {
    return (this.#rows?.shown ?? []).some((job) => isOpen(job));
  }

  /** The signal of a shown job. */
  jobOf(id: string): ReadonlySignal<JobBody> | undefined {
    return this.#jobs.get(id);
  }

  /** Looks at the newest page, and at some of the other jobs that have not ended. */
  async refresh(abort?: AbortSignal): Promise<void> {
    const answer = await this.#source.listJobs(this.#filters, { known: this.#newest, signal: abort });
    if (abort?.aborted === true) return;
    this.#problem.value = answer.ok ? null : answer.problem;
    if (!answer.ok) return;
    if (answer.body !== this.#newest) {
      this.#newest = answer.body;
      this.#show(this.#rows === null ? rowsOf(answer.body) : withNewest(this.#rows, answer.body));
    }
    await this.#refreshOthers();
  }

  /** Brings the new jobs into the list. */
  async showFresh(): Promise<void> {
    const rows = this.#rows === null ? null : withFresh(this.#rows);
    if (rows !== null) return this.#show(rows);
    this.#rows = null;
    this.#newest = null;
    return this.refresh();
  }

  async loadOlder(): Promise<void> {
    const cursor = this.#rows?.nextCursor ?? null;
    if (cursor === null) return;
    const answer = await this.#source.listJobs(this.#filters, { cursor });
    this.#problem.value = answer.ok ? null : answer.problem;
    const isStillNext = this.#rows?.nextCursor === cursor;
    if (answer.ok && this.#rows !== null && isStillNext) this.#show(withOlder(this.#rows, answer.body));
  }

  /** @returns the first problem, if there was one */
  async cancel(ids: readonly string[]): Promise<PageProblem | null> {
    return forEach(ids, async (id) => {
      const answer = await this.#source.cancelJob(id);
      this.#replace([answer]);
      return answer;
    });
  }

  /** Deletes ended jobs for good. @returns the first problem, if there was one */
  async delete(ids: readonly string[]): Promise<PageProblem | null> {
    return forEach(ids, async (id) => {
      const answer = await this.#source.deleteJob(id);
      if (answer.ok) this.forget(id);
      return answer;
    });
  }

  /** Takes the row of a deleted job away. */
  forget(id: string): void {
    this.#forgotten.add(id);
    if (this.#rows !== null) this.#show(this.#rows);
  }

  /** Runs the request of a job again, and shows the new job. @returns the problem, if there was one */
  async repeat(id: string): Promise<PageProblem | null> {
    const answer = await this.#source.retryJob(id);
    if (!answer.ok) return answer.problem;
    await this.refresh();
    await this.showFresh();
    return null;
  }

  /** The rows below the newest page, and those that the filters match no more, change too. */
  async #refreshOthers(): Promise<void> {
    const newest = new Set(this.#newest?.data.map(({ id }) => id));
    const others = (this.#rows?.shown ?? []).filter((job) => isOpen(job) && !newest.has(job.id));
    if (others.length === 0) return;
    const first = (this.#turn * atOnce) % others.length;
    this.#turn += 1;
    const chosen = others.slice(first, first + atOnce);
    const answers = await Promise.all(chosen.map(async ({ id }) => this.#source.getJob(id)));
    this.#replace(answers);
  }

  #replace(answers: readonly Answer<JobBody>[]): void {
    const jobs = answers.flatMap((answer) => (answer.ok ? [answer.body] : []));
    if (this.#rows !== null) this.#show(withJobs(this.#rows, jobs));
  }

  #show(given: JobRows<JobBody>): void {
    const rows = this.#forgotten.size === 0 ? given : withoutJobs(given, this.#forgotten);
    this.#rows = rows;
    const ids = rows.shown.map(({ id }) => id);
    batch(() => {
      for (const job of rows.shown) {
        const known = this.#jobs.get(job.id);
        if (known === undefined) this.#jobs.set(job.id, signal(job));
        else known.value = job;
      }
      if (!isSame(ids, this.#ids.peek())) this.#ids.value = ids;
      this.#freshCount.value = rows.fresh.length;
      this.#isBroken.value = rows.isBroken;
      this.#hasOlder.value = rows.nextCursor !== null;
    });
    const kept = new Set(ids);
    for (const id of this.#jobs.keys()) if (!kept.has(id)) this.#jobs.delete(id);
  }
}

/** Does something to some jobs at a time. @returns the first problem, if there was one */
async function forEach(
  ids: readonly string[],
  act: (id: string) => Promise<Answer<unknown>>,
): Promise<PageProblem | null> {
  let problem: PageProblem | null = null;
  for (let first = 0; first < ids.length; first += atOnce) {
    const answers = await Promise.all(ids.slice(first, first + atOnce).map(async (id) => act(id)));
    problem ??= answers.find((answer) => !answer.ok)?.problem ?? null;
  }
  return problem;
}

const isSame = (a: readonly string[], b: readonly string[] | null): boolean =>
  a.length === b?.length && a.every((id, index) => id === b[index]);
