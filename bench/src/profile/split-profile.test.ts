import { expect, it } from 'vitest';
import type { ProfileEvent } from './node-groups.ts';
import { splitProfile } from './split-profile.ts';

const node = (ts: number, op: string, ...dims: readonly number[][]): ProfileEvent => ({
  cat: 'Node',
  name: op,
  ts,
  dur: 1_000,
  args: { op_name: op, input_type_shape: dims.map((of) => ({ float: of })) },
});
const mark = (ts: number): ProfileEvent => ({ cat: 'Session', name: 'model_run', ts, dur: 5_000 });

it('assigns each node to its run and its group, and the remaining time to the rest of the run', () => {
  const events = [
    mark(0),
    node(1_000, 'MatMul', [2, 768], [768, 3072]),
    mark(10_000),
    node(11_000, 'MatMul', [2, 12, 1, 64], [2, 12, 64, 64]),
    node(12_000, 'Mul', [2, 768], [2, 1]),
  ];
  const runs = [
    { kind: 'prompts', begin: 100, end: 105 },
    { kind: 'decode', begin: 110, end: 115 },
  ] as const;
  const [decode, prompts] = splitProfile(events, runs, () => true);
  expect(prompts?.nodes.get('matrix multiplications of the weights')).toBe(1);
  expect(prompts?.restOfRun).toBe(4);
  expect(decode?.nodes.get('attention over the past')).toBe(1);
  expect(decode?.nodes.get('quantising')).toBe(1);
  expect(decode?.restOfRun).toBe(3);
  expect(() => splitProfile(events, runs.slice(1), () => true)).toThrow('2 runs, but 1 were recorded');
});
