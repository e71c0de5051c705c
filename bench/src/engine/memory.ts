/** Measures the memory and the start time of the engine's process. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TextGenerator } from '@prosemill/core';
import { type BatchedOptions, generate, startGenerator } from '../contestants/batched.ts';
import { runStreams } from '../contestants/streams.ts';
import type { PromptMaker } from '../scenarios.ts';
import { spread } from '../work.ts';

/** One megabyte is 10⁶ bytes. */
export interface MemoryUse {
  readonly startMs: number;
  /** With the preparation of the int8 weights. */
  readonly firstStartMs: number;
  /** The larger value of the two starts. */
  readonly idleMB: number;
  /** The maximum with about 512 positions in all slots. */
  readonly fullMB: number;
  /** One value after every 1,000 steps. */
  readonly overTimeMB: readonly number[];
}

const sampledSteps = 10_000;
const sampleEvery = 1_000;
/** Only a few texts, so that the steps are short. */
const soakTexts = 2;

interface Started {
  readonly generator: TextGenerator;
  readonly pid: number;
  readonly startMs: number;
  readonly idleMB: number;
}

/** Returns null if the system has no /proc. */
export async function measureMemory(options: BatchedOptions, promptOf: PromptMaker): Promise<MemoryUse | null> {
  const cache = await mkdtemp(join(tmpdir(), 'prosemill-bench-'));
  try {
    const first = await start({ ...options, cache });
    await first?.generator.stop();
    const second = await start({ ...options, cache });
    if (first === null || second === null) return null;
    const { generator, pid, startMs } = second;
    const overTimeMB = await soak(generator, promptOf, pid);
    const fullMB = await fill(generator, promptOf, { pid, slots: options.slots });
    await generator.stop();
    const idleMB = Math.max(first.idleMB, second.idleMB);
    return { startMs, firstStartMs: first.startMs, idleMB, fullMB, overTimeMB };
  } finally {
    await rm(cache, { recursive: true });
  }
}

async function start(options: BatchedOptions): Promise<Started | null> {
  const before = await childrenOf(process.pid);
  if (before === null) return null;
  const begin = performance.now();
  const generator = await startGenerator(options);
  const startMs = performance.now() - begin;
  const pid = (await childrenOf(process.pid))?.find((child) => !before.includes(child)) ?? 0;
  return { generator, pid, startMs, idleMB: await residentMB(pid) };
}

/** Runs short and long texts for thousands of steps. */
async function soak(generator: TextGenerator, promptOf: PromptMaker, pid: number): Promise<readonly number[]> {
  const samples: number[] = [];
  const over = new AbortController();
  let tokens = 0;
  async function onToken(): Promise<void> {
    tokens += 1;
    if (tokens % (sampleEvery * soakTexts) !== 0) return;
    samples.push(await residentMB(pid));
    if (tokens >= sampledSteps * soakTexts) over.abort();
  }
  const pieces = Array.from({ length: (sampledSteps * soakTexts) / 50 }, (_, index) => ({
    ...promptOf(spread(index, [8, 120])),
    newTokens: spread(index * 7 + 3, [16, 180]),
  }));
  await runStreams(pieces, soakTexts, async (piece, { index }) => {
    if (over.signal.aborted) return;
    await generate(generator, piece, { seed: index, signal: over.signal, onToken: () => void onToken() });
  });
  return samples;
}

/** @returns the maximum while all slots hold about 512 positions */
async function fill(
  generator: TextGenerator,
  promptOf: PromptMaker,
  { pid, slots }: { readonly pid: number; readonly slots: number },
): Promise<number> {
  const piece = { ...promptOf(120), newTokens: 392 };
  let most = 0;
  const sample = async (): Promise<void> => {
    most = Math.max(most, await residentMB(pid));
  };
  await Promise.all(
    Array.from({ length: slots }, async (_, seed) => {
      let tokens = 0;
      await generate(generator, piece, {
        seed,
        onToken: () => {
          tokens += 1;
          // The text that joined last is the last to reach 512 positions.
          if (seed === slots - 1 && tokens > 370) void sample();
        },
      });
    }),
  );
  return most;
}

async function childrenOf(pid: number): Promise<readonly number[] | null> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => null);
  return text === null ? null : text.trim().split(' ').map(Number);
}

async function residentMB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return (Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1]) * 1024) / 1e6;
}
