/** Compares the engine with that of an earlier commit, both in process, in the same run. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Contestant, forkContestant } from '../contestants/contestant.ts';
import { type Effort, measure, type Measurement, type Pass } from '../measure.ts';
import { startGroup } from '../process-group.ts';
import { mixedWork, type PromptMaker, type Workload } from '../scenarios.ts';
import { checkOutEngine } from './checkout.ts';

export interface BaselineOptions {
  readonly model: string;
  /** The folder of the earlier checkout. */
  readonly checkout: string;
  readonly promptOf: PromptMaker;
  readonly effort: Effort;
  readonly onStep: (text: string) => void;
}

/** A pass takes a second or two, and the speed of a shared machine's memory may halve from one to the next. */
const timesAsManyRounds = 3;

/** The last commit before the engine was written anew. */
export const baselineCommit = '0efdb8f';
export const engineNames = { now: 'this engine', before: `commit ${baselineCommit}` } as const;
export const baselineScenarios = {
  single: 'single stream',
  rows4: '4 texts at once',
  rows8: '8 texts at once',
  rows32: '32 texts at once',
  queue: 'mixed queue, 32 in flight',
  prompts: 'prompts of 128 tokens with one new token each, one at a time',
  queueBusy: 'mixed queue, 32 in flight, one core taken by another process',
} as const;

const root = fileURLToPath(new URL('../../..', import.meta.url));
/** With fewer texts a pass would end within a second, in which the speed of a shared memory varies too much. */
const leastTexts = 16;
const lengths = { promptTokens: [8, 120], textTokens: [16, 180] } as const;

export async function measureBaseline(options: BaselineOptions): Promise<readonly Measurement[]> {
  const { model, checkout, effort, onStep } = options;
  await checkOutEngine(baselineCommit, checkout, options);
  const start = async (name: string, folder: string): Promise<Contestant> =>
    await forkContestant(name, '../baseline/engine-process.ts', [folder, model, join(folder, 'data/bench/graphs')]);
  onStep('starts both engines');
  const contestants = [await start(engineNames.now, root), await start(engineNames.before, checkout)];
  try {
    return await measure(passesOf(contestants, options.promptOf), {
      ...effort,
      rounds: timesAsManyRounds * effort.rounds,
      onPass: onStep,
    });
  } finally {
    await Promise.all(contestants.map(async (contestant) => await contestant.stop()));
  }
}

function passesOf(contestants: readonly Contestant[], promptOf: PromptMaker): readonly Pass[] {
  const workloads = createWorkloads(promptOf);
  return Object.values(workloads).flatMap((scenario) =>
    contestants.map((contestant) => ({
      scenario,
      contestant: scenario === workloads.queueBusy ? besideBusyProcess(contestant) : contestant,
      work: scenario.work,
    })),
  );
}

function createWorkloads(promptOf: PromptMaker): Readonly<Record<keyof typeof baselineScenarios, Workload>> {
  const counts = 'new tokens';
  const rows = (texts: number): Pick<Workload, 'inFlight' | 'work' | 'counts'> => ({
    inFlight: texts,
    work: Array.from({ length: Math.max(texts, leastTexts) }, () => ({ ...promptOf(32), newTokens: 128 })),
    counts,
  });
  const queue = { inFlight: 32, work: mixedWork(96, promptOf, lengths), counts } as const;
  const { single, rows4, rows8, rows32, queue: queueName, prompts, queueBusy } = baselineScenarios;
  return {
    single: { name: single, ...rows(1) },
    rows4: { name: rows4, ...rows(4) },
    rows8: { name: rows8, ...rows(8) },
    rows32: { name: rows32, ...rows(32) },
    queue: { name: queueName, ...queue },
    prompts: { name: prompts, inFlight: 1, work: Array.from({ length: 96 }, () => promptOf(128)), counts },
    queueBusy: { name: queueBusy, ...queue },
  };
}

/** The other process keeps the last core busy while the contestant runs. */
const besideBusyProcess = (contestant: Contestant): Contestant => ({
  ...contestant,
  async run(work, inFlight) {
    const core = String(availableParallelism() - 1);
    const busy = await startGroup('taskset', ['-c', core, process.execPath, '-e', 'for (;;);'], { stdio: 'ignore' });
    try {
      return await contestant.run(work, inFlight);
    } finally {
      await busy.end();
    }
  },
});
