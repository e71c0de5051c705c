/** Places in the queue: the load of the jobs ahead, exact near its head and from a shared profile of it beyond. */
import { type ClaimPlace, coalesced, type Job, type JobStore, type QueueLoad, type QueueMark } from '@prosemill/core';

/** Places below this are exact; others are rounded to a multiple of it. */
const exactPlaces = 1_000;
/** Jobs between two marks of the profile. */
const markInterval = 50;
/** The age from which the profile is read again, if somebody asks. */
const maxAgeMs = 250;

export class QueuePlaces {
  readonly #jobs: Pick<JobStore, 'measureAhead' | 'listAhead' | 'listMarks'>;
  /** The latest profile, also an old one. */
  #marks: readonly QueueMark[] = [];
  readonly #readMarks = coalesced(maxAgeMs, async () => (this.#marks = await this.#jobs.listMarks(markInterval)));

  constructor(jobs: Pick<JobStore, 'measureAhead' | 'listAhead' | 'listMarks'>) {
    this.#jobs = jobs;
  }

  async find(place: ClaimPlace): Promise<QueueLoad> {
    // An exact count of the first places costs as much as a submit, so it is not made in vain for a job at the far end.
    if (loadAhead(this.#marks, place).jobs >= 2 * exactPlaces) {
      const load = loadAhead(await this.#readMarks(), place);
      if (load.jobs >= exactPlaces) return load;
    }
    const load = await this.#jobs.measureAhead(place, exactPlaces);
    return load.jobs < exactPlaces ? load : atLeastExact(loadAhead(await this.#readMarks(), place));
  }

  /** `find` for a page of queued jobs, in one query or two. Jobs that have left the queue are left out. */
  async findAll(page: readonly Job[]): Promise<ReadonlyMap<string, QueueLoad>> {
    const ids = page.map(({ id }) => id);
    const near = await this.#jobs.listAhead(ids, exactPlaces);
    if (near.size === ids.length) return near;
    const marks = await this.#readMarks();
    const others = page.filter(({ id }) => !near.has(id)).map((job) => [job.id, loadAhead(marks, job)] as const);
    const far = others.filter(([, load]) => load.jobs >= exactPlaces - markInterval);
    return new Map([...near, ...far.map(([id, load]) => [id, atLeastExact(load)] as const)]);
  }
}

/** The number of jobs ahead, as clients see it. */
export const roundedPlace = (jobs: number): number =>
  jobs < exactPlaces ? jobs : Math.round(jobs / exactPlaces) * exactPlaces;

/** A mark may be a few jobs before the first place that is not exact. */
const atLeastExact = ({ jobs, tokens }: QueueLoad): QueueLoad => ({ jobs: Math.max(exactPlaces, jobs), tokens });

/** The load at the last mark before a place, or at the place itself. */
function loadAhead(marks: readonly QueueMark[], place: ClaimPlace): QueueLoad {
  let [low, high] = [0, marks.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const mark = marks[middle];
    if (mark !== undefined && compare(mark, place) <= 0) low = middle + 1;
    else high = middle;
  }
  return marks[low - 1]?.ahead ?? { jobs: 0, tokens: 0 };
}

/** The claim order. Ids are UUIDs in lower case, which both databases order like strings. */
function compare(a: ClaimPlace, b: ClaimPlace): number {
  return a.priorityClass - b.priorityClass || a.turn - b.turn || (a.id < b.id ? -1 : Number(a.id > b.id));
}
