/** Measures what open pages that look at the machine cost the engine. */
import type { Placement } from '../cores.ts';
import { type Summary, summarize } from '../statistics.ts';
import { measureQuiet, metricOf, type Pass } from '../streams/measure-streams.ts';
import { measurePairs, type PlacedOptions, workOf } from '../streams/measure-pairs.ts';
import type { StreamedWork } from '../streams/reader-process.ts';
import { launchStreamService, type StreamService } from '../streams/stream-service.ts';

export interface PagesOptions extends PlacedOptions {
  readonly pages: number;
  /** Jobs in each pass. */
  readonly jobs: number;
  readonly newTokens: number;
  /** Pairs of passes, with pages and without. */
  readonly pairs: number;
}

export interface LoadedPass extends Pass {
  /** CPU time per second. */
  readonly cpuShares: CpuShares;
}

export interface CpuShares {
  /** The API, and the worker without its engine. */
  readonly service: number;
  readonly database: number;
}

export interface WatchedPass extends LoadedPass {
  /** Received by one page. */
  readonly eventsPerSecond: number;
  readonly bytesPerSecond: number;
  /** CPU time per second of the process of all pages. */
  readonly clientShare: number;
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
  /** CPU time with pages less that without, per second. */
  readonly cpuCosts: Readonly<Record<keyof CpuShares, Summary>>;
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
      cpuCosts: {
        service: summaryOf(({ quiet, watched }) => watched.cpuShares.service - quiet.cpuShares.service),
        database: summaryOf(({ quiet, watched }) => watched.cpuShares.database - quiet.cpuShares.database),
      },
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
  const { events, bytes, cpuSeconds } = await service.closePages();
  const ofPage = { eventsPerSecond: events / pages / seconds, bytesPerSecond: bytes / pages / seconds };
  return { ...pass, ...ofPage, clientShare: cpuSeconds / seconds };
}

async function measureLoaded(service: StreamService, work: readonly StreamedWork[]): Promise<LoadedPass> {
  const [startedAt, begin] = [performance.now(), await readCpuSeconds(service)];
  const pass = await measureQuiet(service, work);
  const seconds = (performance.now() - startedAt) / 1_000;
  const end = await readCpuSeconds(service);
  const shareOf = (part: keyof CpuShares): number => (end[part] - begin[part]) / seconds;
  return { ...pass, cpuShares: { service: shareOf('service'), database: shareOf('database') } };
}

/** CPU times so far. The engine is a process of its own. */
async function readCpuSeconds(service: StreamService): Promise<CpuShares> {
  const [api, { metrics: worker }] = await Promise.all([service.apiMetrics(), service.reportOfWorker()]);
  const [ofApi, ofWorker] = [api, worker].map((metrics) => metricOf(metrics, 'process_cpu_seconds_total'));
  return { service: (ofApi ?? 0) + (ofWorker ?? 0), database: service.databaseCpuSeconds() };
}
