/** The memory of the engine's process is flat: not even one small object stays of a step. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { GenerateRequest, Logger } from '@prosemill/core';
import { childProcesses, createTestFolder, silentLogger, writeGpt2Folder } from '@prosemill/testkit';
import { expect, it, onTestFinished, vi } from 'vitest';
import { plain, run, start } from './test-batched.ts';

/** Compiled code and caches grow at first. */
const [warmUpSteps, steps] = [4_000, 10_000];
/**
 * Bytes. An empty object in a list takes 64 for each step; measured were −9 without a leak. The resident memory of
 * a small engine varies by 20 MB, so its bound only finds leaks of native memory.
 */
const maxGrowth = { used: 30 * steps, resident: 4_000 * steps } as const;

interface Memory {
  /** Bytes in use in JavaScript and its buffers, after a garbage collection. */
  readonly used: number;
  /** Bytes that the process holds. */
  readonly resident: number;
}

/** Short and long texts, on each path of the sampling code. */
const requests: readonly GenerateRequest[] = Array.from({ length: 40 }, (_, seed) => ({
  prompt: 'The king '.repeat(1 + (seed % 9)),
  seed,
  parameters: {
    ...plain,
    topK: seed % 3 === 0 ? 0 : 50,
    topP: seed % 4 === 0 ? 0.9 : 1,
    maxNewTokens: 10 + 11 * (seed % 8),
  },
}));

it('is as large after 10,000 steps as before', async () => {
  const folder = await createTestFolder();
  await writeGpt2Folder(join(folder, 'model'), { config: { n_positions: 256 } });
  const probe = pathToFileURL(join(import.meta.dirname, 'test-memory-probe.ts'));
  vi.stubEnv('NODE_OPTIONS', `--import ${probe.href}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  const printed: Memory[] = [];
  const logger: Logger = {
    ...silentLogger,
    info({ line }) {
      if (typeof line === 'string') printed.push(JSON.parse(line) as Memory);
    },
  };
  const options = { dtype: 'int8', slots: 2, threads: 1, logger, modelDir: folder } as const;
  const generator = await start({ ...options, model: join(folder, 'model') });
  onTestFinished(async () => await generator.stop());
  let done = 0;
  generator.onSteps((reported) => (done += reported.length));
  const engine = childProcesses(process.pid).find(({ command }) => command.includes('process/main.ts'));

  async function measureAfter(count: number): Promise<Memory> {
    const end = done + count;
    while (done < end) await Promise.all(requests.map((request) => run(generator, request)));
    const { length } = printed;
    process.kill(engine?.pid ?? Number.NaN, 'SIGUSR2');
    await expect.poll(() => printed.length).toBe(length + 1);
    return printed[length] as Memory;
  }

  let before = await measureAfter(warmUpSteps);
  const growths: Memory[] = [];
  const isFlat = ({ used, resident }: Memory): boolean => used < maxGrowth.used && resident < maxGrowth.resident;
  // A leak shows in each period. Code that a busy machine compiles late shows in one.
  while (growths.length < 3 && !growths.some(isFlat)) {
    const after = await measureAfter(steps);
    growths.push({ used: after.used - before.used, resident: after.resident - before.resident });
    before = after;
  }
  expect(growths).toContainEqual(growths.find(isFlat));
});
