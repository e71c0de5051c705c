/** The start and the end of every fault test. */
import { expect, onTestFinished, vi } from 'vitest';
import { Cluster, type ClusterOptions, type Node } from './cluster.ts';
import { scaled } from './scale.ts';
import { LoadClient, type LoadOwner, type SubmitOptions } from './load-client.ts';

const minuteMs = 60_000;
vi.setConfig({ testTimeout: scaled(5 * minuteMs, 60 * minuteMs) });

export async function launch(options: ClusterOptions = {}): Promise<Cluster> {
  const cluster = await Cluster.launch(options);
  onTestFinished(async () => await cluster.stop());
  return cluster;
}

export const clientOf = ({ apis, recorder }: Cluster, name = 'client', owner?: LoadOwner): LoadClient =>
  new LoadClient({ name, urls: () => apis.map(({ url }) => url), recorder, ...(owner === undefined ? {} : { owner }) });

/** @returns the ids of the jobs, all of which were accepted */
export async function submitMany(
  client: LoadClient,
  count: number,
  options: SubmitOptions = {},
): Promise<readonly string[]> {
  return await Promise.all(
    Array.from({ length: count }, async () => {
      const { status, id } = await client.submit(options);
      expect(status).toBe(202);
      return id ?? '';
    }),
  );
}

/** Expects `count` jobs, all with a text. */
export async function expectAllSucceeded(cluster: Cluster, count: number): Promise<void> {
  const rows = await cluster.sql('select status, count(*) as count from jobs group by status');
  expect(rows.map(({ status, count: of }) => [status, Number(of)])).toEqual([['succeeded', count]]);
}

/** Expects an empty verdict. Stops the cluster. */
export async function expectNoViolation(cluster: Cluster): Promise<void> {
  expect(await cluster.verdict()).toEqual([]);
}

/** A metric of a process. */
export async function metricOf({ url }: Node, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const [, value] = new RegExp(`^${name} ([\\d.e+-]+)$`, 'm').exec(text) ?? [];
  if (value === undefined) throw new Error(`There is no metric ${name}.`);
  return Number(value);
}

/** Job ids of the attempts that a worker has started, in order. */
export const startedOn = ({ process }: Node): readonly string[] =>
  process.log.filter(({ msg }) => msg === 'job attempt started').map(({ jobId }) => String(jobId));

/** The smallest value that at least this share of the values does not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN;
}
