/**
 * `pnpm bench`: runs every contestant on the same weights, prompts and lengths, and checks the engine's targets.
 * `--profile` shows instead how the time of a step is spent, `--estimates` how good the estimates of the service are,
 * `--streams` how much open streams cost, `--pages` how much open pages do, `--batch` how much of the engine's speed a
 * batch of the command line has, `--peers` how fast other servers are, and `--baseline` how fast the engine of an
 * earlier commit is.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exitWith, readArguments, UsageError } from '@prosemill/core';
import { childEnvironment, decoderVersion } from '@prosemill/engine/internals';
import { baselineCommit, measureBaseline } from './baseline/measure-baseline.ts';
import { reportOfBaseline } from './baseline/report-baseline.ts';
import { measureBatch } from './batch/measure-batch.ts';
import { reportOfBatch } from './batch/report-batch.ts';
import { checksOf } from './checks.ts';
import { placements } from './cores.ts';
import { startContestants } from './contestants/start-contestants.ts';
import { measureEstimates } from './estimates/measure-estimates.ts';
import { reportOfEstimates } from './estimates/report-estimates.ts';
import { measureEngine } from './engine/measure-engine.ts';
import { describeMachine } from './machine.ts';
import type { MachineLimits } from './machine-limits-process.ts';
import { measure, type Measurement } from './measure.ts';
import { databases } from './measured-service.ts';
import { writeRandomModel } from './model/random-model.ts';
import { measurePages } from './pages/measure-pages.ts';
import { reportOfPages } from './pages/report-pages.ts';
import { passesOf } from './passes.ts';
import { type ServiceReport, writeDocs, writeServiceDocs } from './report/write-docs.ts';
import { reportOf } from './report/report.ts';
import type { BenchResults, Run } from './results.ts';
import type { EngineProfile } from './profile/profile-engine.ts';
import { createScenarios } from './scenarios.ts';
import { measureServers } from './servers/measure-servers.ts';
import { reportOfServers } from './servers/report-servers.ts';
import { measureStreams } from './streams/measure-streams.ts';
import type { PlacedOptions } from './streams/measure-pairs.ts';
import { reportOfStreams } from './streams/report-streams.ts';
import { readPromptMaker } from './work.ts';

const wholeEffort = { rounds: 3, share: 1 };
/** Shows that all contestants work. Its figures mean little. */
const smallEffort = { rounds: 1, share: 1 / 8 };
const dataFolder = fileURLToPath(new URL('../../data/bench', import.meta.url));
const modelFolder = join(dataFolder, 'random-distilgpt2');
const peersFolder = join(dataFolder, 'peers');

const usage =
  'usage: pnpm bench [--profile | [--batch | --peers | --baseline] --smoke | ' +
  '[--estimates | --streams | --pages | --batch | --peers | --baseline] --write-docs]';

interface ProcessOptions {
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

const { values: options } = readOptions();
const effort = options.smoke === true ? smallEffort : wholeEffort;
if (options.estimates === true) {
  await measureServiceEstimates();
  process.exit(0);
}
await writeRandomModel(modelFolder);
const promptOf = await readPromptMaker(modelFolder);
if (options.streams === true) await measureOpenStreams();
else if (options.pages === true) await measureOpenPages();
else if (options.batch === true) await measureBatches();
else if (options.peers === true) await comparePeers();
else if (options.baseline === true) await compareBaseline();
else if (options.profile === true) process.stdout.write(`${(await measureProfile()).report}\n`);
else await compare();
process.exit(0);

function readOptions() {
  try {
    const parsed = readArguments(
      {
        options: {
          profile: { type: 'boolean' },
          estimates: { type: 'boolean' },
          streams: { type: 'boolean' },
          pages: { type: 'boolean' },
          batch: { type: 'boolean' },
          peers: { type: 'boolean' },
          baseline: { type: 'boolean' },
          smoke: { type: 'boolean' },
          'write-docs': { type: 'boolean' },
        },
      },
      usage,
    );
    if (parsed.values.smoke === true && parsed.values['write-docs'] === true) {
      throw new UsageError(['--smoke: its figures are not for the docs'], usage);
    }
    return parsed;
  } catch (error) {
    return exitWith(error);
  }
}

async function compare(): Promise<void> {
  const missing: string[] = [];
  const limits = await measureLimits();
  const measurements = await measureContestants(missing);
  const engine = await measureEngine({ folder: modelFolder, promptOf, onPass: report });
  const { weightsShare } = await measureProfile();
  const measured = { ...(await describeRun()), limits, measurements, ...engine, weightsShare, missing };
  const results: BenchResults = { ...measured, checks: checksOf(measured) };
  await mkdir(dataFolder, { recursive: true });
  await writeFile(join(dataFolder, 'results.json'), `${JSON.stringify(results, null, 2)}\n`);
  if (options['write-docs'] === true) await writeDocs(results);
  process.stdout.write(`${reportOf(results)}\n`);
}

/** The date, the engine and the machine of this run. */
async function describeRun(): Promise<Run> {
  const machine = describeMachine(await readFile('/proc/cpuinfo', 'utf8').catch(() => ''));
  return { date: new Date().toISOString().slice(0, 10), engine: decoderVersion, machine };
}

async function measureServiceEstimates(): Promise<void> {
  const load = { unfinished: 96, warmUpMs: 30_000, steadyMs: 40_000, queued: 10_000, submits: 500 };
  const measurements = [];
  for (const database of databases) measurements.push(await measureEstimates({ ...load, database, onPass: report }));
  await publish('estimates', { measurements }, reportOfEstimates);
}

async function measureOpenStreams(): Promise<void> {
  const work = { streams: 200, slots: 32, newTokens: 64, pairs: 3 };
  await publish('streams', { measurements: await measurePlacements(measureStreams, work) }, reportOfStreams);
}

async function measureOpenPages(): Promise<void> {
  const work = { pages: 20, jobs: 150, slots: 32, newTokens: 64, pairs: 4 };
  await publish('pages', { measurements: await measurePlacements(measurePages, work) }, reportOfPages);
}

async function measureBatches(): Promise<void> {
  const measurements = await measureBatch({ model: modelFolder, promptOf, effort, onStep: report });
  await publish('batch', { measurements }, reportOfBatch);
}

async function comparePeers(): Promise<void> {
  const folders = { model: modelFolder, peers: peersFolder };
  await publish('peers', await measureServers({ ...folders, promptOf, effort, onStep: report }), reportOfServers);
}

async function compareBaseline(): Promise<void> {
  const folders = { model: modelFolder, checkout: join(dataFolder, `engine-${baselineCommit}`) };
  const measurements = await measureBaseline({ ...folders, promptOf, effort, onStep: report });
  await publish('baseline', { measurements }, reportOfBaseline);
}

/** @param work  The options that do not depend on the placement of the processes. */
async function measurePlacements<Work, Measured>(
  measureService: (options: Work & Omit<PlacedOptions, 'slots'>) => Promise<Measured>,
  work: Work,
): Promise<readonly Measured[]> {
  const measurements: Measured[] = [];
  for (const placement of placements) {
    measurements.push(await measureService({ ...work, placement, model: modelFolder, promptOf, onPass: report }));
  }
  return measurements;
}

async function publish<Measured>(
  name: ServiceReport,
  measured: Measured,
  reportOfService: (results: Run & Measured) => string,
): Promise<void> {
  const results = { ...(await describeRun()), ...measured };
  const text = reportOfService(results);
  if (options['write-docs'] === true) await writeServiceDocs(name, results, text);
  process.stdout.write(`${text}\n`);
}

async function measureContestants(missing: string[]): Promise<readonly Measurement[]> {
  const folders = { model: modelFolder, peers: peersFolder };
  const contestants = await startContestants(folders, (reason) => missing.push(reason));
  const measurements = await measure(passesOf(createScenarios(promptOf), contestants), {
    ...wholeEffort,
    onPass: report,
  });
  await Promise.all(Object.values(contestants).map(async (contestant) => await contestant?.stop()));
  return measurements;
}

async function measureLimits(): Promise<MachineLimits> {
  report('the machine’s limits');
  return await askProcess('machine-limits-process.ts');
}

/**
 * Profiles in a process with large pages of memory, like the engine's own: with small pages a step takes twice as long.
 */
async function measureProfile(): Promise<EngineProfile> {
  report('the profile of a step');
  return await askProcess('profile/profile-process.ts', { args: [modelFolder, dataFolder], env: childEnvironment() });
}

/** Runs a process that sends one message. @returns the message */
async function askProcess<Message>(file: string, { args = [], env }: ProcessOptions = {}): Promise<Message> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, { execArgv: [], env });
  const ended = once(child, 'exit').then(() => Promise.reject(new Error(`${file} gave no answer.`)));
  const [message] = (await Promise.race([once(child, 'message'), ended])) as [Message];
  return message;
}

function report(text: string): void {
  process.stderr.write(`${text}\n`);
}
