/** Measures what open streams cost the engine and the database, and how late texts are with their clients. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Placement } from '../cores.ts';
import { type Summary, summarize } from '../statistics.ts';
import { measurePairs, type PlacedOptions, promptTokens, workOf } from './measure-pairs.ts';
import type { StreamedWork, StreamTimes } from './reader-process.ts';
import { launchStreamService, type StreamService } from './stream-service.ts';
import type { WorkerReport } from './worker-process.ts';

export interface StreamsOptions extends PlacedOptions {
  /** Open streams, each of a job of its own. */
  readonly streams: number;
  readonly newTokens: number;
  /** Pairs of passes, with streams and without. */
  readonly pairs: number;
}

/** One pass with streams and one without, right after each other. */
export interface PassPair {
  readonly quiet: Pass;
  readonly streaming: StreamingPass;
}

export interface Pass {
  readonly tokensPerSecond: number;
}

export interface StreamingPass extends Pass {
  /** Statements a second: reads of texts by the API process, appends by the worker. */
  readonly readsPerSecond: number;
  readonly appendsPerSecond: number;
  /** From the choice of a token to its arrival at the client. */
  readonly delay: Delay;
}

export interface Delay {
  readonly median: number;
  readonly p95: number;
}

export interface StreamsMeasurement {
  readonly placement: Placement;
  readonly streams: number;
  readonly slots: number;
  /** From the submit to the first event, on an idle machine. */
  readonly firstEventMs: Summary;
  /** The quotient of each pair: with streams ÷ without. */
  readonly throughputRatio: Summary;
  readonly pairs: readonly PassPair[];
}

const firstEvents = 30;
const pollMs = 250;
/** After a pass, so that its last writes are not counted in the next one. */
const restMs = 1_000;

export async function measureStreams(options: StreamsOptions): Promise<StreamsMeasurement> {
  const { placement, streams, slots, onPass } = options;
  const service = await launchStreamService(options);
  try {
    onPass(`first events of streams, processes ${placement}`);
    const firstEventMs = await measureFirstEvents(service, options);
    const work = workOf({ ...options, jobs: streams });
    const measured = await measurePairs({
      pairs: options.pairs,
      quiet: async () => await measureQuiet(service, work),
      loaded: async () => await measureStreaming(service, work),
      onRound: (round) => onPass(`round ${round} of ${options.pairs}: ${streams} streams, and none`),
    });
    const pairs = measured.map(({ quiet, loaded: streaming }): PassPair => ({ quiet, streaming }));
    const ratios = pairs.map(({ quiet, streaming }) => streaming.tokensPerSecond / quiet.tokensPerSecond);
    return { placement, streams, slots, firstEventMs, throughputRatio: summarize(ratios), pairs };
  } finally {
    await service.stop();
  }
}

/** One stream at a time. The first ones warm up. */
async function measureFirstEvents(service: StreamService, { promptOf }: StreamsOptions): Promise<Summary> {
  const { prompt } = promptOf(promptTokens);
  const times: number[] = [];
  for (let seed = -3; seed < firstEvents; seed += 1) {
    const [stream] = await service.readStreams([{ prompt, newTokens: 1, seed: seed + 3 }]);
    if (seed >= 0) times.push(stream?.firstEventMs ?? Number.NaN);
  }
  return summarize(times);
}

/** Runs the jobs, and streams none of them. */
export async function measureQuiet(service: StreamService, work: readonly StreamedWork[]): Promise<Pass> {
  const since = await databaseTime(service);
  await Promise.all(work.map(async (each) => await submit(service, each)));
  for (let isDone = false; !isDone; isDone = (await openJobs(service)) === 0) await pause(pollMs);
  const tokensPerSecond = await rateSince(service, since);
  await pause(restMs);
  return { tokensPerSecond };
}

async function measureStreaming(service: StreamService, work: readonly StreamedWork[]): Promise<StreamingPass> {
  const since = await databaseTime(service);
  const begin = await countStatements(service);
  const startedAt = performance.now();
  const times = await service.readStreams(work);
  const seconds = (performance.now() - startedAt) / 1_000;
  const end = await countStatements(service);
  const tokensPerSecond = await rateSince(service, since);
  await pause(restMs);
  return {
    tokensPerSecond,
    readsPerSecond: (end.reads - begin.reads) / seconds,
    appendsPerSecond: (end.appends - begin.appends) / seconds,
    delay: delayOf(times, end.tokenTimes),
  };
}

async function submit({ url }: StreamService, { prompt, newTokens, seed }: StreamedWork): Promise<void> {
  const response = await fetch(`${url}/jobs`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ prompt, max_new_tokens: newTokens, seed }),
  });
  if (response.status !== 202) throw new Error(`${response.status}: ${await response.text()}`);
  await response.body?.cancel();
}

/** The rows themselves tell the rate: no clock of a client is in it. */
async function rateSince({ execute }: StreamService, since: string): Promise<number> {
  const [row] = await execute(`
    select sum(completion_tokens) as tokens, extract(epoch from max(finished_at) - min(started_at)) as seconds
    from jobs where created_at >= '${since}' and status = 'succeeded'`);
  return Number(row?.['tokens']) / Number(row?.['seconds']);
}

async function databaseTime({ execute }: StreamService): Promise<string> {
  const [row] = await execute('select now()::text as now');
  return String(row?.['now']);
}

async function openJobs({ execute }: StreamService): Promise<number> {
  const [row] = await execute(`select count(*) as jobs from jobs where status in ('queued', 'running')`);
  return Number(row?.['jobs']);
}

async function countStatements(service: StreamService) {
  const [metrics, report] = await Promise.all([service.apiMetrics(), service.reportOfWorker()]);
  const reads = metricOf(metrics, 'prosemill_text_reads_total');
  return { reads, appends: metricOf(report.metrics, 'prosemill_text_appends_total'), tokenTimes: report.tokenTimes };
}

export function metricOf(text: string, name: string): number {
  const [, value] = new RegExp(`^${name} (\\S+)$`, 'm').exec(text) ?? [];
  if (value === undefined) throw new Error(`There is no metric ${name}.`);
  return Number(value);
}

/** All tokens of an event have its time of arrival. */
function delayOf(times: readonly StreamTimes[], tokenTimes: WorkerReport['tokenTimes']): Delay {
  const delays = times.flatMap(({ seed, arrivals }) => {
    const chosenAtMs = tokenTimes[seed] ?? [];
    return arrivals.flatMap(({ tokens, atMs }, index) =>
      chosenAtMs.slice(arrivals[index - 1]?.tokens ?? 0, tokens).map((chosenMs) => atMs - chosenMs),
    );
  });
  const sorted = delays.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN;
  return { median: at(0.5), p95: at(0.95) };
}
