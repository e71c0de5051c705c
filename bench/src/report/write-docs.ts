/** Writes the results into the docs. */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { BenchResults, Run } from '../results.ts';
import { scenarioNames } from '../scenarios.ts';
import { summarize } from '../statistics.ts';
import { reportOf } from './report.ts';
import { type BarGroup, plotBars } from './svg-plot.ts';

const docs = fileURLToPath(new URL('../../../docs', import.meta.url));

/** Writes docs/benchmarks.md, and the plot and the numbers in docs/benchmarks. */
export async function writeDocs(results: BenchResults): Promise<void> {
  await mkdir(`${docs}/benchmarks`, { recursive: true });
  await writeFile(`${docs}/benchmarks/results.json`, `${JSON.stringify(results, null, 2)}\n`);
  await writeFile(`${docs}/benchmarks/throughput.svg`, plotBars(barsOf(results)));
  await writeFile(`${docs}/benchmarks.md`, `${introduction(results)}\n${reportOf(results)}\n`);
  await format('benchmarks.md', 'benchmarks/results.json');
}

/** The measurements of the service, each an option of `pnpm bench` and a page of docs/benchmarks. */
const serviceReports = {
  estimates: 'Estimates',
  streams: 'Streams',
  pages: 'Open pages',
  peers: 'Peers',
  baseline: 'The engine before',
} as const;
export type ServiceReport = keyof typeof serviceReports;

/** Writes the page of a report, and its numbers. */
export async function writeServiceDocs(name: ServiceReport, results: Run, report: string): Promise<void> {
  const title = serviceReports[name];
  const introduction = `Written by \`pnpm bench --${name} --write-docs\` on ${results.date}; [the numbers](${name}.json). [bench/README.md](../../bench/README.md) explains the measurement.`;
  await mkdir(`${docs}/benchmarks`, { recursive: true });
  await writeFile(`${docs}/benchmarks/${name}.json`, `${JSON.stringify(results, null, 2)}\n`);
  await writeFile(`${docs}/benchmarks/${name}.md`, `# ${title}\n\n${introduction}\n\n${report}\n`);
  await format(`benchmarks/${name}.md`, `benchmarks/${name}.json`);
}

/** pnpm puts oxfmt on the PATH of its scripts. */
async function format(...paths: readonly string[]): Promise<void> {
  await promisify(execFile)(
    'oxfmt',
    paths.map((path) => `${docs}/${path}`),
  );
}

const introduction = ({ date }: BenchResults): string => `# Benchmarks

Written by \`pnpm bench --write-docs\` on ${date}; [the numbers](benchmarks/results.json). [bench/README.md](../bench/README.md) explains the measurements.

![Tokens per second of each engine](benchmarks/throughput.svg)
`;

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
