/** Splits the time of the steps by group and operator. */
import { groupOf, nodeGroups, type ProfileEvent } from './node-groups.ts';
import type { Run } from './recorded-session.ts';

export interface StepSplit {
  readonly kind: Run['kind'];
  readonly steps: number;
  /** The milliseconds of all these steps by group. */
  readonly nodes: ReadonlyMap<string, number>;
  /** The same milliseconds by operator and group. */
  readonly operators: ReadonlyMap<string, number>;
  /** The milliseconds in run() outside of nodes: feeds, outputs, the executor, waiting. */
  readonly restOfRun: number;
}

/**
 * @param events     A profile of exactly these runs.
 * @param isCounted  Whether a run counts.
 * @throws {RangeError} when the profile has another number of runs
 */
export function splitProfile(
  events: readonly ProfileEvent[],
  runs: readonly Run[],
  isCounted: (run: Run) => boolean,
): readonly StepSplit[] {
  const marks = events.filter(({ name }) => name === 'model_run').toSorted((a, b) => a.ts - b.ts);
  if (marks.length !== runs.length)
    throw new RangeError(`The profile has ${marks.length} runs, but ${runs.length} were recorded.`);
  const nodes = events.filter(isNode).toSorted((a, b) => a.ts - b.ts);
  const perRun = marks.map((): ProfileEvent[] => []);
  let run = 0;
  for (const node of nodes) {
    while (run < marks.length - 1 && node.ts >= (marks[run + 1]?.ts ?? 0)) run += 1;
    perRun[run]?.push(node);
  }
  return (['decode', 'prompts'] as const).map((kind) => {
    const chosen = runs
      .map((entry, index) => ({ entry, nodes: perRun[index] ?? [] }))
      .filter(({ entry }) => entry.kind === kind && isCounted(entry));
    const all = chosen.flatMap((of) => of.nodes);
    const byGroup = sumBy(all, groupOf);
    const spent = chosen.reduce((total, { entry }) => total + entry.end - entry.begin, 0);
    const inNodes = [...byGroup.values()].reduce((total, ms) => total + ms, 0);
    return {
      kind,
      steps: chosen.length,
      nodes: new Map(nodeGroups.map((group) => [group, byGroup.get(group) ?? 0])),
      operators: sumBy(all, (event) => `${event.args?.op_name ?? event.name} (${groupOf(event)})`),
      restOfRun: spent - inNodes,
    };
  });
}

/** Leaves out If nodes, because the nodes of their branches are events of their own. */
const isNode = ({ cat, args }: ProfileEvent): boolean => cat === 'Node' && args?.op_name !== 'If';

function sumBy(events: readonly ProfileEvent[], keyOf: (event: ProfileEvent) => string): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const event of events) sums.set(keyOf(event), (sums.get(keyOf(event)) ?? 0) + event.dur / 1_000);
  return sums;
}
