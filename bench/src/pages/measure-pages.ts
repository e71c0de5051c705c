/** Measures what open pages that look at the machine cost the engine. */
import type { PromptMaker } from '../scenarios.ts';
import { type Summary, summarize } from '../statistics.ts';
import { measureQuiet, metricOf, type Pass } from '../streams/measure-streams.ts';
import type { StreamedWork } from '../streams/reader-process.ts';
import {
  launchStreamService,
  type Placement,
  type StreamService,
  type StreamServiceOptions,
} from '../streams/stream-service.ts';

export interface PagesOptions extends StreamServiceOptions {
  readonly pages: number;
  /** Jobs in each pass. */
  readonly jobs: number;
  readonly newTokens: number;
  readonly promptOf: PromptMaker;
  /** Pairs of passes, with pages and without; one more pair before them warms up. */
  readonly pairs: number;
  readonly onPass: (text: string) => void;
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

const promptTokens = 20;

export async function measurePages(options: PagesOptions): Promise<PagesMeasurement> {
  const { placement, pages, slots, onPass } = options;
  const service = await launchStreamService(options);
  try {
    const pairs: PagePair[] = [];
    for (let round = 0; round <= options.pairs; round += 1) {
      onPass(`round ${round} of ${options.pairs}, processes ${placement}: ${pages} pages, and none`);
      const pair = await measurePair(service, options, round % 2 === 0);
      if (round > 0) pairs.push(pair);
    }
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

/** The order changes with each pair, because a machine may become faster or slower. */
async function measurePair(service: StreamService, options: PagesOptions, quietFirst: boolean): Promise<PagePair> {
  const { prompt } = options.promptOf(promptTokens);
  const { jobs, newTokens, pages } = options;
  const work = Array.from({ length: jobs }, (_, seed): StreamedWork => ({ prompt, newTokens, seed }));
  const measureWatched = async (): Promise<WatchedPass> => {
    await service.openPages(pages);
    const startedAt = performance.now();
    const pass = await measureLoaded(service, work);
    const seconds = (performance.now() - startedAt) / 1_000;
    const { events, bytes } = await service.closePages();
    return { ...pass, eventsPerSecond: events / pages / seconds, bytesPerSecond: bytes / pages / seconds };
  };
  if (quietFirst) {
    const quiet = await measureLoaded(service, work);
    return { quiet, watched: await measureWatched() };
  }
  const watched = await measureWatched();
  return { quiet: await measureLoaded(service, work), watched };
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
