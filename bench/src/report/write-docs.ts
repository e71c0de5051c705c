/** Writes the results into the docs. */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { BenchResults } from '../results.ts';
import { scenarioNames } from '../scenarios.ts';
import { summarize } from '../statistics.ts';
import { reportOf } from './report.ts';
import { type PagesResults, reportOfPages } from '../pages/report-pages.ts';
import { reportOfStreams, type StreamsResults } from '../streams/report-streams.ts';
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

/** Writes docs/benchmarks/streams.md, and its numbers. */
export async function writeStreamDocs(results: StreamsResults): Promise<void> {
  await mkdir(`${docs}/benchmarks`, { recursive: true });
  await writeFile(`${docs}/benchmarks/streams.json`, `${JSON.stringify(results, null, 2)}\n`);
  await writeFile(`${docs}/benchmarks/streams.md`, `${streamIntroduction(results)}\n${reportOfStreams(results)}\n`);
  await format('benchmarks/streams.md', 'benchmarks/streams.json');
}

/** Writes docs/benchmarks/pages.md, and its numbers. */
export async function writePageDocs(results: PagesResults): Promise<void> {
  await mkdir(`${docs}/benchmarks`, { recursive: true });
  await writeFile(`${docs}/benchmarks/pages.json`, `${JSON.stringify(results, null, 2)}\n`);
  await writeFile(`${docs}/benchmarks/pages.md`, `${pageIntroduction(results)}\n${reportOfPages(results)}\n`);
  await format('benchmarks/pages.md', 'benchmarks/pages.json');
}

/** pnpm puts oxfmt on the PATH of its scripts. */
async function format(...paths: readonly string[]): Promise<void> {
  await promisify(execFile)(
    'oxfmt',
    paths.map((path) => `${docs}/${path}`),
  );
}

const streamIntroduction = ({ date }: StreamsResults): string => `# Streams

Written by \`pnpm bench --streams --write-docs\` on ${date}; [the numbers](streams.json). [bench/README.md](../../bench/README.md) explains the measurement.
`;

const pageIntroduction = ({ date }: PagesResults): string => `# Open pages

Written by \`pnpm bench --pages --write-docs\` on ${date}; [the numbers](pages.json). [bench/README.md](../../bench/README.md) explains the measurement.
`;

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
