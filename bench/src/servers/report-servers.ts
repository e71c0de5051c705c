/** Formats the comparison of servers as Markdown. */
import { atLeast, type Check } from '../checks.ts';
import type { Measurement } from '../measure.ts';
import { ratioOf } from '../ratios.ts';
import { checkTable, machineLine, throughputTable } from '../report/report.ts';
import type { Run } from '../results.ts';
import type { ServersMeasurement } from './measure-servers.ts';
import { type ServerKey, serverNames } from './start-servers.ts';
import { servedWorkloads } from './workloads.ts';

export const reportOfServers = (results: Run & ServersMeasurement): string =>
  [
    machineLine(results),
    `The others: ${results.versions.join(', ')}.\n`,
    throughputTable(results.measurements, serverNames.prosemill),
    ...results.missing.map((reason) => `\n${reason}`),
    '\n## Targets\n',
    checkTable(checksOfServers(results.measurements)),
  ].join('\n');

export function checksOfServers(measurements: readonly Measurement[]): readonly Check[] {
  const against = (scenario: string, ...others: readonly ServerKey[]): number =>
    ratioOf(measurements, { scenario, ours: serverNames.prosemill, others: others.map((key) => serverNames[key]) });
  const { single, queue } = servedWorkloads;
  return [
    atLeast('full mixed queue of 32 against OpenVINO GenAI', 1.05, against(queue, 'openVino'), '×'),
    atLeast('full mixed queue of 32 against llama.cpp', 2.6, against(queue, 'llama'), '×'),
    atLeast('full mixed queue of 32 against FastAPI', 24, against(queue, 'fastApi'), '×'),
    atLeast(
      'single stream against the better of llama.cpp and OpenVINO GenAI',
      1.15,
      against(single, 'llama', 'openVino'),
      '×',
    ),
  ];
}
