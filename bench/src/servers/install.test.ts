import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runOnce } from './install.ts';

let folder = '';
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'prosemill-steps-'))));
afterEach(async () => await rm(folder, { recursive: true }));

const failing = async (): Promise<void> => await Promise.reject(new Error('no network'));

it('repeats a step only after a failure or with another input', async () => {
  const done: string[] = [];
  const perform = async (input: string, step: () => Promise<void> = async () => void done.push(input)): Promise<void> =>
    await runOnce({ marker: join(folder, 'step.done'), input, title: input, onStep: () => undefined }, step);
  await expect(perform('1', failing)).rejects.toThrow('no network');
  await perform('1');
  await perform('1');
  await perform('2');
  expect(done).toEqual(['1', '2']);
});
