/** `pnpm bench --profile`: how the time of a step is spent, in a full queue of 32 texts of mixed lengths in int8. */
import { availableParallelism } from 'node:os';
import type { EngineStep } from '@prosemill/core';
import {
  createTokenizer,
  describeModel,
  loadBatchedModel,
  type StepPart,
  stepParts,
  TextRun,
} from '@prosemill/engine/internals';
import { sampling } from '../contestants/batched.ts';
import { runStreams } from '../contestants/streams.ts';
import { formatNumber, markdownTable } from '../report/table.ts';
import type { Work } from '../work.ts';

export interface ProfileOptions {
  readonly folder: string;
  /** The folder of the prepared weights. */
  readonly dataFolder: string;
  readonly work: readonly Work[];
}

export interface EngineProfile {
  /** Markdown. */
  readonly report: string;
  /** The share of a step's time that the products with weights take, 0 to 1. */
  readonly weightsShare: number;
  /** The milliseconds of each part in all steps. */
  readonly parts: Readonly<Record<StepPart, number>>;
  /** The same steps by the loop's clock. */
  readonly steps: { readonly count: number; readonly ms: number };
}

const slots = 32;
const noTimes = Object.fromEntries(stepParts.map((part) => [part, 0])) as Record<StepPart, number>;

/** Notes what the calling thread does at each moment, so that the parts add up to the time of the steps. */
export async function profileEngine({ folder, dataFolder, work }: ProfileOptions): Promise<EngineProfile> {
  const model = await describeModel(folder, ['batched'], 'int8');
  const parts: Record<StepPart, number> = { ...noTimes };
  const steps = { count: 0, ms: 0 };
  let part: StepPart = 'between steps';
  let since = 0;
  const onPart = (next: StepPart): void => {
    const now = performance.now();
    parts[part] += now - since;
    since = now;
    part = next;
  };
  const onStep = ({ durationMs }: EngineStep): void => {
    steps.count += 1;
    steps.ms += durationMs;
  };
  const runner = await loadBatchedModel(
    { model, modelDir: dataFolder, slots, threads: availableParallelism() },
    { onStep, onProgress: () => undefined, observer: { onPart } },
  );
  const tokenizer = createTokenizer(model.tokenizer);
  const runOnce = async (): Promise<unknown> =>
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
  Object.assign(parts, noTimes);
  Object.assign(steps, { count: 0, ms: 0 });
  since = performance.now();
  await runOnce();
  onPart('between steps');
  const total = Object.values(parts).reduce((sum, ms) => sum + ms, 0);
  const row = (name: string, ms: number): string[] => [name, (ms / steps.count).toFixed(2), percent(ms / total)];
  const table = markdownTable([
    ['', 'ms a step', 'share'],
    ...stepParts.map((name) => row(name, parts[name])),
    row('all', total),
    row('in steps, by the clock of the loop', steps.ms),
  ]);
  const report = `Full queue of 32 texts of mixed lengths, int8: ${steps.count} steps.\n\n${table}`;
  return { report, weightsShare: (parts.products + parts['the head']) / total, parts, steps };
}

const percent = (share: number): string => `${formatNumber(100 * share)} %`;
