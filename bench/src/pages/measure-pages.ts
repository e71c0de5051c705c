/** Measures what open pages that look at the machine cost the engine. */
import { type Summary, summarize } from '../statistics.ts';
import { measureQuiet, metricOf, type Pass } from '../streams/measure-streams.ts';
import { measurePairs, type PlacedOptions, workOf } from '../streams/measure-pairs.ts';
import type { StreamedWork } from '../streams/reader-process.ts';
import { launchStreamService, type Placement, type StreamService } from '../streams/stream-service.ts';

export interface PagesOptions extends PlacedOptions {
  readonly pages: number;
  /** Jobs in each pass. */
  readonly jobs: number;
  readonly newTokens: number;
  /** Pairs of passes, with pages and without. */
  readonly pairs: number;
}

export interface LoadedPass extends Pass {
  /** Processor time of the API and of the worker without its engine, per second. */
  readonly cpuShare: number;
}

export interface WatchedPass extends LoadedPass {
  /** Received by one page. */
  readonly eventsPerSecond: number;
  readonly bytesPerSecond: number;
}

/** One pass with open pages and one without, right after each other. */
export interface PagePair {
  readonly quiet: LoadedPass;
  readonly watched: WatchedPass;
}

export interface PagesMeasurement {
  readonly placement: Placement;
  readonly pages: number;
  readonly slots: number;
  /** The quotient of each pair: with pages ÷ without. */
  readonly throughputRatio: Summary;
  /** Processor time with pages less that without, per second. */
  readonly cpuCost: Summary;
  readonly pairs: readonly PagePair[];
}

export async function measurePages(options: PagesOptions): Promise<PagesMeasurement> {
  const { placement, pages, slots, onPass } = options;
  const service = await launchStreamService(options);
  try {
    const work = workOf(options);
    const measured = await measurePairs({
      pairs: options.pairs,
      quiet: async () => await measureLoaded(service, work),
      loaded: async () => await measureWatched(service, work, pages),
      onRound: (round) =>
        onPass(`round ${round} of ${options.pairs}, processes ${placement}: ${pages} pages, and none`),
    });
    const pairs = measured.map(({ quiet, loaded: watched }): PagePair => ({ quiet, watched }));
    const summaryOf = (valueOf: (pair: PagePair) => number): Summary => summarize(pairs.map(valueOf));
    return {
      placement,
      pages,
      slots,
      throughputRatio: summaryOf(({ quiet, watched }) => watched.tokensPerSecond / quiet.tokensPerSecond),
      cpuCost: summaryOf(({ quiet, watched }) => watched.cpuShare - quiet.cpuShare),
      pairs,
    };
  } finally {
    await service.stop();
  }
}

async function measureWatched(
  service: StreamService,
  work: readonly StreamedWork[],
  pages: number,
): Promise<WatchedPass> {
  await service.openPages(pages);
  const startedAt = performance.now();
  const pass = await measureLoaded(service, work);
  const seconds = (performance.now() - startedAt) / 1_000;
  const { events, bytes } = await service.closePages();
  return { ...pass, eventsPerSecond: events / pages / seconds, bytesPerSecond: bytes / pages / seconds };
}

async function measureLoaded(service: StreamService, work: readonly StreamedWork[]): Promise<LoadedPass> {
  const [startedAt, begin] = [performance.now(), await cpuSeconds(service)];
  const pass = await measureQuiet(service, work);
  const seconds = (performance.now() - startedAt) / 1_000;
  return { ...pass, cpuShare: ((await cpuSeconds(service)) - begin) / seconds };
}

/** Processor time of the API and the worker so far; the engine is a process of its own. */
async function cpuSeconds(service: StreamService): Promise<number> {
  const [api, { metrics: worker }] = await Promise.all([service.apiMetrics(), service.reportOfWorker()]);
  return [api, worker].reduce((sum, metrics) => sum + metricOf(metrics, 'process_cpu_seconds_total'), 0);
}
