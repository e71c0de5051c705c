/** The machine at this moment, and its past. While nobody asks, nothing is read, and no worker reports its slots. */
import { setTimeout as pause } from 'node:timers/promises';
import {
  historySeconds,
  type JobRates,
  type Latency,
  type MachineHistory,
  type MachineState,
} from '@prosemill/contract';
import { byEndedStatus, coalesced, type JobCounts, type MeasureStore, textRateOf } from '@prosemill/core';
import type { Look } from './look.ts';
import {
  estimateErrorOf,
  historyOf,
  latencyOf,
  latencySeconds,
  latencyStepSeconds,
  rateSeconds,
} from './machine-history.ts';
import type { ServiceState } from './service-state.ts';
import { unlessAway } from './unless-away.ts';

export interface MachineOptions {
  readonly measures: MeasureStore;
  readonly state: Pick<ServiceState, 'current'>;
  readonly look: Look;
  readonly maxQueueLength: number;
}

/** Ages at which values are read again. Those over minutes change slowly, and cost the most. */
const countsAgeMs = 5_000;
const minutesAgeMs = 10_000;
const historyAgeMs = 1_000;
/** The longest wait for the database. A past takes longer than a state. */
const patienceMs = 1_000;
const historyPatienceMs = 5_000;
/** Errors of estimates are those of the last hour: there are few while few jobs wait. */
const estimateSeconds = 3_600;
/** The interval of the states that a watcher gets. */
const watchMs = 1_000;
/** How early a timer may be. */
const timerMs = 5;

/** Measures over minutes. */
interface MinuteMeasures extends Pick<MachineState, 'estimateError'> {
  readonly latency: Latency<number | null>;
  readonly refused: number;
}

/** All callers share the reads of the database. */
export class Machine {
  readonly #options: MachineOptions;
  readonly #counts: () => Promise<{ readonly counts: JobCounts; readonly readAtMs: number }>;
  readonly #minutes: () => Promise<MinuteMeasures>;
  readonly #history: () => Promise<MachineHistory>;
  readonly #stopped = new AbortController();
  /** The state of a tick. */
  readonly #atTick = coalesced(watchMs / 2, async () => await this.current());

  constructor(options: MachineOptions) {
    this.#options = options;
    const { measures } = options;
    this.#counts = coalesced(countsAgeMs, async () => {
      return { counts: await measures.countJobs(1_000 * rateSeconds), readAtMs: performance.now() };
    });
    this.#minutes = coalesced(minutesAgeMs, async () => {
      const [times, ofMinute, ofHour] = await Promise.all([
        measures.countTimes({ windows: 1, windowMs: 1_000 * latencySeconds }),
        measures.sumTallies(1_000 * rateSeconds),
        measures.sumTallies(1_000 * estimateSeconds),
      ]);
      const refused = ofMinute.find(({ name }) => name === 'refused')?.count ?? 0;
      return { latency: latencyOf(times), refused, estimateError: estimateErrorOf(ofHour) };
    });
    this.#history = coalesced(historyAgeMs, async () => await this.#readHistory());
  }

  async current(): Promise<MachineState> {
    const { state, look, maxQueueLength: limit } = this.#options;
    look();
    const [service, counted, minutes] = await Promise.all([
      state.current(),
      unlessAway(patienceMs, this.#counts()),
      unlessAway(patienceMs, this.#minutes()),
    ]);
    const { problems, workers, queue, isPaused } = service;
    return {
      now:
        counted === null ? new Date() : new Date(counted.counts.now.getTime() + performance.now() - counted.readAtMs),
      problems,
      workers,
      queue: queue && {
        byClass: queue.queuedByClass,
        running: queue.running,
        oldestMs: queue.oldestQueuedMs,
        isPaused: isPaused ?? false,
        limit,
      },
      rates: counted && ratesOf(counted.counts, minutes?.refused ?? 0),
      latency: minutes?.latency ?? null,
      estimateError: minutes?.estimateError ?? null,
    };
  }

  /** @returns null while the database does not answer */
  async history(): Promise<MachineHistory | null> {
    return await unlessAway(historyPatienceMs, this.#history());
  }

  /**
   * Yields a state at once and then one each second, until an abort or `stop`. All watchers get theirs at the same
   * times, and the same objects.
   */
  async *watch(signal: AbortSignal): AsyncGenerator<MachineState, void> {
    const [over, stopped] = [new AbortController(), this.#stopped.signal];
    const end = (): void => over.abort();
    for (const each of [signal, stopped]) each.addEventListener('abort', end);
    if (signal.aborted || stopped.aborted) end();
    try {
      if (!over.signal.aborted) yield await this.current();
      while (!over.signal.aborted) {
        await pause(msToTick(), undefined, { signal: over.signal }).catch(() => undefined);
        if (!over.signal.aborted) yield await this.#atTick();
      }
    } finally {
      for (const each of [signal, stopped]) each.removeEventListener('abort', end);
    }
  }

  /** Ends all watches. */
  stop(): void {
    this.#stopped.abort();
  }

  async #readHistory(): Promise<MachineHistory> {
    const { measures, state } = this.#options;
    const { workers, queue } = await state.current();
    const windows = Math.ceil((historySeconds + latencySeconds) / latencyStepSeconds);
    const [trace, times] = await Promise.all([
      measures.trace({
        seconds: rateSeconds + historySeconds,
        tokensPerSecond: textRateOf(workers, queue?.running ?? 0),
      }),
      measures.countTimes({ windows, windowMs: 1_000 * latencyStepSeconds }),
    ]);
    return historyOf(trace, times, historySeconds);
  }
}

/** From now to the next whole second of this process, or to the one after when it is too near for a timer. */
function msToTick(): number {
  const ms = watchMs - (performance.now() % watchMs);
  return ms < timerMs ? ms + watchMs : ms;
}

const ratesOf = ({ accepted, ended }: JobCounts, refused: number): JobRates => ({
  accepted: accepted / rateSeconds,
  refused: refused / rateSeconds,
  ended: byEndedStatus((status) => ended[status] / rateSeconds),
});
