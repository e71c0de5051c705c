/** Measures `prosemill batch run` against the engine alone, with the same work. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Contestant, forkContestant } from '../contestants/contestant.ts';
import { leaveWorkerCore, onWorkerCore, type Placement, placements, useAllCores, workerCore } from '../cores.ts';
import { type Effort, measure, type Measurement } from '../measure.ts';
import { type Database, launchMeasuredService } from '../measured-service.ts';
import { mixedWork, type PromptMaker, type Workload } from '../scenarios.ts';
import { askProsemill } from '../servers/protocols.ts';
import { createServedContestant } from '../servers/served.ts';
import { sum } from '../statistics.ts';
import type { Work, WorkResult } from '../work.ts';

export interface BatchOptions {
  readonly model: string;
  readonly promptOf: PromptMaker;
  readonly effort: Effort;
  readonly onStep: (text: string) => void;
}

export const engineName = 'the engine alone';
export const batchName = 'prosemill batch run';
/** The texts of a file, from the first submit to the end of the last job. */
export const batchScenarios = {
  shared: 'standalone on SQLite: the engine has all cores, and shares them',
  apart: 'API and worker on Postgres: the worker has a core, all others have the rest',
} as const satisfies Record<Placement, string>;

const databases = { shared: 'SQLite', apart: 'Postgres' } as const satisfies Record<Placement, Database>;
/** So many that the start of the command, with few texts at once, counts little: a file may have thousands. */
const lines = 1_000;
const slots = 32;
/** A target of 95 % needs more rounds: on a shared machine, passes of the same work differ as much. */
const roundsOf = { shared: 1, apart: 2 } as const satisfies Record<Placement, number>;
/** The longest prompt of Prosemill has 500 characters. */
const lengths = { promptTokens: [8, 98], textTokens: [16, 179] } as const;
const program = fileURLToPath(new URL('../../../packages/client/src/command/main.ts', import.meta.url));

export async function measureBatch(options: BatchOptions): Promise<readonly Measurement[]> {
  const measurements: Measurement[] = [];
  for (const placement of placements) {
    const isApart = placement === 'apart';
    if (isApart) leaveWorkerCore();
    measurements.push(...(await measurePlacement(placement, options)));
    if (isApart) useAllCores();
  }
  return measurements;
}

async function measurePlacement(placement: Placement, options: BatchOptions): Promise<readonly Measurement[]> {
  const { model, promptOf, effort, onStep } = options;
  const work = mixedWork(lines, promptOf, lengths);
  const scenario: Workload = { name: batchScenarios[placement], inFlight: slots, work, counts: 'new tokens' };
  const cores = placement === 'apart' ? onWorkerCore() : {};
  const engine = await forkContestant(engineName, '../batch/engine-process.ts', [model], cores);
  const contestants = [engine];
  try {
    contestants.push(await startService(placement, options));
    const passes = contestants.map((contestant) => ({ scenario, contestant, work }));
    const core = placement === 'apart' ? workerCore : '';
    return await measure(passes, { ...effort, rounds: roundsOf[placement] * effort.rounds, core, onPass: onStep });
  } finally {
    await Promise.all(contestants.map(async (contestant) => await contestant.stop()));
  }
}

async function startService(placement: Placement, { model, promptOf }: BatchOptions): Promise<Contestant> {
  const settings = { MODEL: model, MODEL_DTYPE: 'int8', WORKERS: String(slots) };
  const place = { database: databases[placement], isApart: placement === 'apart' };
  const server = await launchMeasuredService({ ...place, settings });
  const shortWork = { ...promptOf(8), newTokens: 8 };
  const perform = async (work: readonly Work[]): Promise<WorkResult> => await runBatch(server.url, work);
  return await createServedContestant({ name: batchName, server, ask: askProsemill, shortWork, perform });
}

/** @throws {Error} when a text does not have the expected number of tokens */
async function runBatch(url: string, work: readonly Work[]): Promise<WorkResult> {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-batch-'));
  const file = join(folder, 'prompts.jsonl');
  const requests = work.map(({ prompt, newTokens }, seed) => ({ prompt, max_new_tokens: newTokens, seed }));
  await writeFile(file, requests.map((request) => `${JSON.stringify(request)}\n`).join(''));
  const child = spawn(process.execPath, [program, 'batch', 'run', file, '--url', url], { stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  await rm(folder, { recursive: true });
  if (code !== 0) throw new Error(`prosemill batch run ended with ${code}.`);
  const jobs = await newestJobs(url, work.length);
  const tokens = sum(jobs.map(({ usage }) => usage?.completion_tokens ?? 0));
  if (tokens !== sum(work.map(({ newTokens }) => newTokens))) throw new Error('The texts have other lengths.');
  const begin = Math.min(...jobs.map((job) => Date.parse(job.created_at)));
  const end = Math.max(...jobs.map((job) => Date.parse(job.finished_at ?? '')));
  return { tokens, ms: end - begin };
}

interface TimedJob {
  readonly created_at: string;
  readonly finished_at: string | null;
  readonly usage: { readonly completion_tokens: number } | null;
}

async function newestJobs(url: string, count: number): Promise<readonly TimedJob[]> {
  const jobs: TimedJob[] = [];
  for (let cursor = ''; jobs.length < count;) {
    const response = await fetch(`${url}/jobs?limit=${Math.min(100, count - jobs.length)}${cursor}`);
    const page = (await response.json()) as { readonly data: readonly TimedJob[]; readonly next_cursor: string | null };
    jobs.push(...page.data);
    if (page.next_cursor === null) break;
    cursor = `&cursor=${page.next_cursor}`;
  }
  return jobs;
}
