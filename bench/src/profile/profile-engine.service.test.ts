/** The profile of a step by a clock that goes on by one whenever it is read. */
import { join } from 'node:path';
import { createTestFolder, writeGpt2Folder } from '@prosemill/testkit';
import { expect, it, onTestFinished, vi } from 'vitest';
import { readPromptMaker } from '../work.ts';
import { profileEngine } from './profile-engine.ts';

it('has parts that add up to the steps', async () => {
  const [dataFolder, folder] = [await createTestFolder(), join(await createTestFolder(), 'model')];
  await writeGpt2Folder(folder);
  const promptOf = await readPromptMaker(folder);
  const work = Array.from({ length: 6 }, (_, index) => ({ ...promptOf(3 + 2 * index), newTokens: 4 + index }));
  let reads = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => (reads += 1));
  onTestFinished(() => void vi.restoreAllMocks());
  const { parts, steps } = await profileEngine({ folder, dataFolder, work });
  const { 'between steps': between, ...inSteps } = parts;
  expect(steps.count).toBeGreaterThan(0);
  for (const ms of Object.values(parts)) expect(ms).toBeGreaterThan(0);
  // The loop reads the clock just before the first part of a step begins, and just after its last part has ended.
  const sum = Object.values(inSteps).reduce((total, ms) => total + ms, 0);
  expect(steps.ms - sum).toBe(2 * steps.count);
  expect(between).toBeGreaterThanOrEqual(2 * steps.count);
});
