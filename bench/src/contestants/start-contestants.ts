/** Starts all contestants. */
import { installPeers } from '../peers.ts';
import { startBatched } from './batched.ts';
import { type Contestant, forkContestant } from './contestant.ts';

export interface Contestants {
  readonly pipeline: Contestant;
  readonly staticBatches: Contestant;
  /** Null when it cannot run here. */
  readonly llama: Contestant | null;
  readonly fp32: Contestant;
  readonly int8: Contestant;
  /** The same engine as `fp32`, with 64 slots. */
  readonly fp32Wide: Contestant;
  readonly int8Wide: Contestant;
}

export interface ContestantFolders {
  readonly model: string;
  readonly peers: string;
}

/** @param onMissing  Called with the reason when a contestant does not take part. */
export async function startContestants(
  folders: ContestantFolders,
  onMissing: (reason: string) => void,
): Promise<Contestants> {
  const folder = folders.model;
  return {
    pipeline: await forkContestant('transformers.js pipeline', 'pipeline-process.ts', [folder]),
    staticBatches: await forkContestant('onnxruntime, static batches', 'static-batch-process.ts', [folder]),
    llama: await startLlama(folders).catch((error: unknown) => {
      onMissing(`llama.cpp does not take part: ${String(error)}`);
      return null;
    }),
    fp32: await startBatched({ folder, dtype: 'fp32', slots: 32 }),
    int8: await startBatched({ folder, dtype: 'int8', slots: 32 }),
    fp32Wide: await startBatched({ folder, dtype: 'fp32', slots: 64 }),
    int8Wide: await startBatched({ folder, dtype: 'int8', slots: 64 }),
  };
}

async function startLlama({ model, peers }: ContestantFolders): Promise<Contestant> {
  await installPeers(peers);
  return await forkContestant('llama.cpp Q8_0', 'llama-process.ts', [model, peers]);
}
