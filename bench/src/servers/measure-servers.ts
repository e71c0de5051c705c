/** Compares the servers through HTTP. */
import { type Effort, measure, type Measurement, type Pass } from '../measure.ts';
import type { ServiceResults } from '../results.ts';
import { type ServersOptions, startServers } from './start-servers.ts';
import { readVersions } from './versions.ts';
import { createServedWorkloads } from './workloads.ts';

export interface MeasureServersOptions extends Omit<ServersOptions, 'onMissing'> {
  readonly effort: Effort;
}

export interface ServersMeasurement extends Pick<ServiceResults<Measurement>, 'measurements'> {
  /** The name and version of each compared package. */
  readonly versions: readonly string[];
  /** For each server that did not take part, a sentence with the reason. */
  readonly missing: readonly string[];
}

/** Runs all servers on all work in interleaved rounds. */
export async function measureServers({ effort, ...options }: MeasureServersOptions): Promise<ServersMeasurement> {
  const missing: string[] = [];
  const servers = await startServers({ ...options, onMissing: (reason) => missing.push(reason) });
  const contestants = Object.values(servers);
  const passes = Object.values(createServedWorkloads(options.promptOf)).flatMap((workload) =>
    contestants.map((contestant): Pass => {
      const work = contestant === servers.fastApi ? workload.slowWork : workload.work;
      return { scenario: workload, contestant, work };
    }),
  );
  try {
    const measurements = await measure(passes, { ...effort, onPass: options.onStep });
    return { measurements, versions: await readVersions(), missing };
  } finally {
    await Promise.all(contestants.map(async (contestant) => await contestant.stop()));
  }
}
