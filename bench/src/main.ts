/** `pnpm bench`: every contestant on the same weights, prompts and lengths, and what the engine must hold. `--profile` shows where a step's time goes instead. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { childEnvironment, graphVersion } from '@prosemill/engine/gpt2';
import { checksOf } from './checks.ts';
import { startContestants } from './contestants/start-contestants.ts';
import { measureEngine } from './engine/measure-engine.ts';
import { describeMachine } from './machine.ts';
import type { MachineLimits } from './machine-limits-process.ts';
import { measure, type Measurement } from './measure.ts';
import { writeRandomModel } from './model/random-model.ts';
import { passesOf } from './passes.ts';
import { writeDocs } from './report/write-docs.ts';
import { reportOf } from './report/report.ts';
import type { BenchResults } from './results.ts';
import { createScenarios, type PromptMaker } from './scenarios.ts';
import { createPromptMaker } from './work.ts';

const rounds = 3;
const dataFolder = fileURLToPath(new URL('../../data/bench', import.meta.url));
const modelFolder = join(dataFolder, 'random-distilgpt2');
const peersFolder = join(dataFolder, 'peers');

const { values: options } = parseArgs({
  options: { profile: { type: 'boolean' }, 'write-docs': { type: 'boolean' } },
});
await writeRandomModel(modelFolder);
const promptOf = await readPromptMaker();
await (options.profile === true ? profile() : compare());
process.exit(0);

async function compare(): Promise<void> {
  const missing: string[] = [];
  const limits = await measureLimits();
  const measurements = await measureContestants(missing);
  const engine = await measureEngine({ folder: modelFolder, promptOf, onPass: tell });
  const machine = describeMachine(await readFile('/proc/cpuinfo', 'utf8').catch(() => ''));
  const date = new Date().toISOString().slice(0, 10);
  const measured = { date, engine: graphVersion, machine, limits, measurements, ...engine, missing };
  const results: BenchResults = { ...measured, checks: checksOf(measured) };
  await mkdir(dataFolder, { recursive: true });
  await writeFile(join(dataFolder, 'results.json'), `${JSON.stringify(results, null, 2)}\n`);
  if (options['write-docs'] === true) await writeDocs(results);
  process.stdout.write(`${reportOf(results)}\n`);
}

async function measureContestants(missing: string[]): Promise<readonly Measurement[]> {
  const folders = { model: modelFolder, peers: peersFolder };
  const contestants = await startContestants(folders, (reason) => missing.push(reason));
  const measurements = await measure(passesOf(createScenarios(promptOf), contestants), { rounds, onPass: tell });
  await Promise.all(Object.values(contestants).map(async (contestant) => await contestant?.stop()));
  return measurements;
}

async function measureLimits(): Promise<MachineLimits> {
  tell('the machine’s limits');
  const child = fork(fileURLToPath(new URL('machine-limits-process.ts', import.meta.url)), { execArgv: [] });
  const ended = once(child, 'exit').then(() => Promise.reject(new Error('The limits could not be measured.')));
  const [limits] = (await Promise.race([once(child, 'message'), ended])) as [MachineLimits];
  return limits;
}

/** In a process of its own, which gets memory as the engine's process does: in small pages a step takes twice as long. */
async function profile(): Promise<void> {
  if (process.send === undefined) {
    const child = fork(fileURLToPath(import.meta.url), ['--profile'], { env: childEnvironment() });
    const [code] = (await once(child, 'exit')) as [number | null];
    process.exit(code ?? 1);
  }
  const { profileEngine } = await import('./profile/profile-engine.ts');
  const text = await profileEngine({ folder: modelFolder, dataFolder, work: createScenarios(promptOf).queue32.work });
  process.stdout.write(`${text}\n`);
}

async function readPromptMaker(): Promise<PromptMaker> {
  const text = await readFile(join(modelFolder, 'tokenizer.json'), 'utf8');
  return createPromptMaker((JSON.parse(text) as { model: { vocab: Record<string, number> } }).model.vocab);
}

function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}
