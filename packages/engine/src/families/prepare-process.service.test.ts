/** The process that prepares the int8 weights lives no longer than the engine's process needs it. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TextGenerator } from '@prosemill/core';
import { childProcesses, createTestFolder } from '@prosemill/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { createTextGenerator } from '../index.ts';
import { testOptions } from '../test-options.ts';

interface Preparing {
  readonly generator: TextGenerator;
  readonly started: Promise<void>;
  readonly modelDir: string;
  readonly enginePid: number;
  readonly pid: number;
}

/** Waits until a first start has begun to prepare. */
async function startPreparing(): Promise<Preparing> {
  const modelDir = await createTestFolder();
  const generator = createTextGenerator({ ...testOptions, dtype: 'int8', modelDir });
  onTestFinished(async () => await generator.stop());
  const begun = new Promise<void>((resolve) => {
    generator.onStateChange((state) => {
      if (state.type === 'loading' && state.phase === 'building-int8' && Number(state.progress) > 0) resolve();
    });
  });
  const started = generator.start();
  started.catch(() => undefined);
  await begun;
  const enginePid = pidOf('process/main.ts', process.pid);
  return { generator, started, modelDir, enginePid, pid: pidOf('prepare-process.ts', enginePid) };
}

function pidOf(script: string, parent: number): number {
  const found = childProcesses(parent).filter(({ command }) => command.includes(script));
  expect(found.length).toBe(1);
  return found[0]?.pid ?? Number.NaN;
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

it('ends with a stop of the engine, and leaves no prepared weights', async () => {
  const { generator, started, modelDir, pid } = await startPreparing();
  await generator.stop();
  await expect(started).rejects.toThrow('the engine is stopped');
  await expect.poll(() => isRunning(pid)).toBe(false);
  expect(await readdir(modelDir)).toEqual(['code']);
});

it("ends when the engine's process is killed, and the next one prepares", async () => {
  const { started, modelDir, enginePid, pid } = await startPreparing();
  process.kill(enginePid, 'SIGKILL');
  await expect.poll(() => isRunning(pid)).toBe(false);
  expect(await readdir(modelDir)).toEqual(['code']);
  await started;
  expect(await readdir(join(modelDir, 'prepared'))).toHaveLength(1);
});

it("crashes with the engine's process, and the next one prepares", async () => {
  const { generator, started, enginePid, pid } = await startPreparing();
  process.kill(pid, 'SIGKILL');
  await expect.poll(() => isRunning(enginePid)).toBe(false);
  await started;
  expect(generator.state.type).toBe('ready');
});

it('goes on when a terminal signals the whole process group, and its memory is free before the engine is ready', async () => {
  const { generator, started, enginePid, pid } = await startPreparing();
  process.kill(pid, 'SIGINT');
  await started;
  expect(generator.state.type).toBe('ready');
  expect(isRunning(enginePid)).toBe(true);
  expect(isRunning(pid)).toBe(false);
});
