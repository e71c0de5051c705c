/** Writes the results into the docs. */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { hasDotProducts, type Machine } from '../machine.ts';
import type { BenchResults, Run } from '../results.ts';
import { scenarioNames } from '../scenarios.ts';
import { summarize } from '../statistics.ts';
import { reportOf } from './report.ts';
import { type BarGroup, plotBars } from './svg-plot.ts';

const docs = fileURLToPath(new URL('../../../docs/benchmarks', import.meta.url));

/** Writes the page of the engine's comparison, its plot and its numbers. */
export async function writeDocs(results: BenchResults): Promise<void> {
  const folder = await folderOf(results.machine);
  await writeFile(`${folder}/throughput.svg`, plotBars(barsOf(results)));
  const plot = '![Tokens per second of each engine](throughput.svg)';
  await writePage(folder, {
    name: 'results',
    title: 'The engine',
    option: '',
    results,
    report: `${plot}\n\n${reportOf(results)}`,
  });
}

/** The measurements of the service, each an option of `pnpm bench` and a page of docs/benchmarks. */
const serviceReports = {
  estimates: 'Estimates',
  streams: 'Streams',
  pages: 'Open pages',
  batch: 'Batches',
  peers: 'Peers',
  baseline: 'The engine before',
} as const;
export type ServiceReport = keyof typeof serviceReports;

/** Writes the page of a report, and its numbers. */
export async function writeServiceDocs(name: ServiceReport, results: Run, report: string): Promise<void> {
  const folder = await folderOf(results.machine);
  await writePage(folder, { name, title: serviceReports[name], option: ` --${name}`, results, report });
}

/** Ratios depend most on this property of the machine, so the figures of one kind do not overwrite the other's. */
async function folderOf(machine: Machine): Promise<string> {
  const folder = `${docs}/${hasDotProducts(machine) ? 'vnni' : 'no-vnni'}`;
  await mkdir(folder, { recursive: true });
  return folder;
}

interface Page {
  readonly name: string;
  readonly title: string;
  /** The options of `pnpm bench` that measured it. */
  readonly option: string;
  readonly results: Run;
  readonly report: string;
}

async function writePage(folder: string, { name, title, option, results, report }: Page): Promise<void> {
  const introduction = `Written by \`pnpm bench${option} --write-docs\` on ${results.date}; [the numbers](${name}.json). [bench/README.md](../../../bench/README.md) explains the measurement.`;
  await writeFile(`${folder}/${name}.json`, `${JSON.stringify(results, null, 2)}\n`);
  await writeFile(`${folder}/${name}.md`, `# ${title}\n\n${introduction}\n\n${report}\n`);
  await format(`${folder}/${name}.md`, `${folder}/${name}.json`);
}

/** pnpm puts oxfmt on the PATH of its scripts. */
async function format(...paths: readonly string[]): Promise<void> {
  await promisify(execFile)('oxfmt', paths);
}

function barsOf({ measurements }: BenchResults): readonly BarGroup[] {
  const { single, queue32, queue64, prefill } = scenarioNames;
  return [single, queue32, queue64, prefill].map((scenario) => ({
    title: scenario,
    unit: scenario === prefill ? 'prompt tokens/s' : 'new tokens/s',
    bars: measurements
      .filter((measurement) => measurement.scenario === scenario)
      .map(({ contestant, rounds }) => {
        const { median: value, min, max } = summarize(rounds);
        return { label: contestant, value, min, max, isOurs: contestant.startsWith('batched') };
      }),
  }));
}
