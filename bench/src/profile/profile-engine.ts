/** `pnpm bench --profile`: how the time of a step is spent, in a full queue of 32 texts of mixed lengths in int8. */
import { availableParallelism } from 'node:os';
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
}

const slots = 32;

/** Notes what the calling thread does at each moment, so that the parts add up to the time of the steps. */
export async function profileEngine({ folder, dataFolder, work }: ProfileOptions): Promise<EngineProfile> {
  const model = await describeModel(folder, ['batched'], 'int8');
  const times = new Map<StepPart, number>();
  let steps = 0;
  let part: StepPart = 'between steps';
  let since = 0;
  const onPart = (next: StepPart): void => {
    const now = performance.now();
    times.set(part, (times.get(part) ?? 0) + now - since);
    since = now;
    part = next;
  };
  const runner = await loadBatchedModel(
    { model, modelDir: dataFolder, slots, threads: availableParallelism() },
    { onStep: () => (steps += 1), onProgress: () => undefined, observer: { onPart } },
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
  times.clear();
  steps = 0;
  since = performance.now();
  await runOnce();
  onPart('between steps');
  const total = [...times.values()].reduce((sum, ms) => sum + ms, 0);
  const row = (name: string, ms: number): string[] => [name, (ms / steps).toFixed(2), percent(ms / total)];
  const table = markdownTable([
    ['', 'ms a step', 'share'],
    ...stepParts.map((name) => row(name, times.get(name) ?? 0)),
    row('all', total),
  ]);
  const weightsShare = ((times.get('products') ?? 0) + (times.get('the head') ?? 0)) / total;
  return { report: `Full queue of 32 texts of mixed lengths, int8: ${steps} steps.\n\n${table}`, weightsShare };
}

const percent = (share: number): string => `${formatNumber(100 * share)} %`;
