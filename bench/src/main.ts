/** `pnpm bench`: tokens per second of each contestant, interleaved in one run, so that ratios hold on a noisy machine. */
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { type Contestant, startEngine, startPipeline, type Work } from './contestants.ts';
import { writeRandomModel } from './random-model.ts';

interface Scenario {
  readonly name: string;
  readonly inFlight: number;
  readonly work: readonly Work[];
  /** Of the work, for those that take one text at a time. */
  readonly sequentialShare: number;
}

interface Measurement {
  readonly scenario: string;
  readonly contestant: string;
  /** Tokens per second of each round, in order. */
  readonly rounds: readonly number[];
}

const rounds = 3;
/** onnxruntime's threads spin for a while after a run; the next contestant gets the cores for itself. */
const restMs = 1_500;

const words =
  'once upon a time there was a king who had three sons and the youngest of them went out into the world'.split(' ');
const promptOf = (length: number): string =>
  Array.from({ length }, (_, index) => words[index % words.length]).join(' ');

/** Numbers spread evenly over a range in an order without a pattern. */
const spread = (index: number, [low, high]: readonly [number, number]): number =>
  low + Math.floor(((index * 0.618_034) % 1) * (high - low + 1));

const mixed = (count: number): readonly Work[] =>
  Array.from({ length: count }, (_, index) => ({
    prompt: promptOf(spread(index, [8, 120])),
    newTokens: spread(index * 7 + 3, [16, 180]),
  }));

const scenarios: readonly Scenario[] = [
  {
    name: 'single stream',
    inFlight: 1,
    work: [{ prompt: promptOf(20), newTokens: 128 }],
    sequentialShare: 1,
  },
  { name: 'full queue, 32 in flight, mixed lengths', inFlight: 32, work: mixed(96), sequentialShare: 1 / 16 },
  { name: 'full queue, 64 in flight, mixed lengths', inFlight: 64, work: mixed(128), sequentialShare: 1 / 21 },
];

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

async function measure(contestants: readonly Contestant[]): Promise<readonly Measurement[]> {
  const results = new Map<string, { scenario: string; contestant: string; rounds: number[] }>();
  for (let round = -1; round < rounds; round += 1) {
    for (const scenario of scenarios) {
      for (const contestant of contestants) {
        const isSequential = contestant.name.includes('pipeline');
        const work = isSequential
          ? scenario.work.slice(0, Math.ceil(scenario.work.length * scenario.sequentialShare))
          : scenario.work;
        const { tokens, ms } = await contestant.run(work, scenario.inFlight);
        await pause(restMs);
        // The first round warms up.
        if (round === -1) continue;
        const key = `${scenario.name}|${contestant.name}`;
        const entry = results.get(key) ?? { scenario: scenario.name, contestant: contestant.name, rounds: [] };
        entry.rounds.push((tokens / ms) * 1_000);
        results.set(key, entry);
      }
    }
  }
  return [...results.values()];
}

function tableOf(measurements: readonly Measurement[]): string {
  const rows = measurements.map(({ scenario, contestant, rounds: all }) => {
    const first = measurements.find((other) => other.scenario === scenario);
    const ratio = median(all) / median(first?.rounds ?? all);
    const range = `${Math.min(...all).toFixed(0)}–${Math.max(...all).toFixed(0)}`;
    return `| ${scenario} | ${contestant} | ${median(all).toFixed(0)} | ${range} | ${ratio.toFixed(1)}× |`;
  });
  return ['| scenario | engine | tokens/s, median | range | ratio |', '| --- | --- | --- | --- | --- |', ...rows].join(
    '\n',
  );
}

const folder = fileURLToPath(new URL('../../data/bench/random-distilgpt2', import.meta.url));
await writeRandomModel(folder);
const contestants = [
  await startPipeline(folder),
  await startEngine('batched fp32', folder, { engine: 'batched', dtype: 'fp32', slots: 32 }),
  await startEngine('batched int8', folder, { engine: 'batched', dtype: 'int8', slots: 32 }),
];
const measurements = await measure(contestants);
await Promise.all(contestants.map((contestant) => contestant.stop()));
const machine = {
  cpu: cpus()[0]?.model,
  cores: availableParallelism(),
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  node: process.version,
};
process.stdout.write(`${JSON.stringify(machine)}\n\n${tableOf(measurements)}\n`);
await mkdir(join(folder, '..'), { recursive: true });
await writeFile(join(folder, '../results.json'), JSON.stringify({ machine, measurements }, null, 2));
process.exit(0);
