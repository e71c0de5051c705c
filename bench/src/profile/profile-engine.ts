/** `pnpm bench --profile`: how the time of a step is spent, in a full queue of 32 texts of mixed lengths in int8. */
import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { createTokenizer, describeModel, loadBatchedModel, TextRun } from '@prosemill/engine/internals';
import { sampling } from '../contestants/batched.ts';
import { runStreams } from '../contestants/streams.ts';
import type { Work, WorkResult } from '../work.ts';
import { profileReport, weightsShareOf } from './profile-report.ts';
import { recordSessions, type Run } from './recorded-session.ts';
import { splitProfile, type StepSplit } from './split-profile.ts';

export interface ProfileOptions {
  readonly folder: string;
  /** The folder of the stored graph and of the temporary profile. */
  readonly dataFolder: string;
  readonly work: readonly Work[];
}

export interface ProfiledRun {
  /** The runs while the queue was full. */
  readonly runs: readonly Run[];
  /** Empty without a profile of the nodes. */
  readonly splits: readonly StepSplit[];
  /** The time from the start of the first run to the end of the last. */
  readonly ms: number;
}

export interface EngineProfile {
  /** Markdown. */
  readonly report: string;
  /** The share of a step's time that the matrix multiplications of the weights take, 0 to 1. */
  readonly weightsShare: number;
}

const slots = 32;

/**
 * Runs twice, because profiling the nodes takes time itself: once without it for the true time of a step, once with it
 * for the split.
 */
export async function profileEngine(options: ProfileOptions): Promise<EngineProfile> {
  const plain = await runQueue(options, null);
  const profiled = await runQueue(options, options.dataFolder);
  const weightsShare = weightsShareOf(plain, profiled);
  return { report: profileReport(plain, profiled, weightsShare), weightsShare };
}

async function runQueue(
  { folder, dataFolder, work }: ProfileOptions,
  profileFolder: string | null,
): Promise<ProfiledRun> {
  await mkdir(dataFolder, { recursive: true });
  const model = await describeModel(folder, ['batched'], 'int8');
  const { loaded: runner, recording } = await recordSessions(
    profileFolder,
    async () =>
      await loadBatchedModel(
        { model, modelDir: dataFolder, slots, threads: availableParallelism() },
        { onStep: () => undefined, onProgress: () => undefined },
      ),
  );
  const tokenizer = createTokenizer(model.tokenizer);
  const runOnce = async (): Promise<WorkResult> =>
    await runStreams(work, slots, async ({ prompt, newTokens }, { index, signal }) => {
      const textRun = new TextRun({
        request: { prompt, seed: index, parameters: { ...sampling, maxNewTokens: newTokens } },
        tokenizer,
        contextLength: model.contextLength,
        endIds: new Set(model.endIds),
        onText: () => undefined,
      });
      signal.addEventListener('abort', () => textRun.cancel());
      await runner.run(textRun, () => undefined);
    });
  // The first run warms up, because new memory is slow.
  await runOnce();
  const begin = performance.now();
  const { ms } = await runOnce();
  const isCounted = (run: Run): boolean => run.begin >= begin && run.end <= begin + ms;
  const events = await recording.finish();
  const splits = profileFolder === null ? [] : splitProfile(events, recording.runs, isCounted);
  return { runs: recording.runs.filter(isCounted), splits, ms };
}
