import { expect, it } from 'vitest';
import { createPromptMaker } from '../work.ts';
import { createServedWorkloads } from './workloads.ts';

const { single, queue } = createServedWorkloads(createPromptMaker({}));

it('has only prompts that every server takes', () => {
  const prompts = [...single.work, ...queue.work].map(({ prompt }) => prompt.length);
  expect(Math.max(...prompts)).toBeLessThanOrEqual(500);
});

it('fills static batches', () => {
  expect(queue.work.length % queue.inFlight).toBe(0);
});
