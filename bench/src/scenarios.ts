/** The scenarios in which the contestants are measured. */
import { mean } from './statistics.ts';
import { evenSlice, spread, type Work } from './work.ts';

export interface Workload {
  readonly name: string;
  readonly inFlight: number;
  readonly work: readonly Work[];
  /** The kind of tokens whose rate is measured. */
  readonly counts: 'new tokens' | 'prompt tokens';
}

export interface Scenario extends Workload {
  /**
   * Parts of the work with the same mean lengths, for slow contestants: a few texts for one at a time, or a whole
   * batch.
   */
  readonly sequentialWork: readonly Work[];
  readonly batchWork: readonly Work[];
}

/** The ranges of the lengths of mixed texts. */
export interface Lengths {
  readonly promptTokens: readonly [number, number];
  readonly textTokens: readonly [number, number];
}

const lengths: Lengths = { promptTokens: [8, 120], textTokens: [16, 180] };

export const scenarioNames = {
  single: 'single stream',
  queue32: 'full queue, 32 in flight',
  ideal32: 'the same number of tokens in equal lengths, 32 in flight',
  queue64: 'full queue, 64 in flight',
  prefill: 'prefill, 32 prompts of 400 tokens',
} as const;

export type PromptMaker = (tokens: number) => Work;

/** One scenario for each key of `scenarioNames`. */
export type Scenarios = Readonly<Record<keyof typeof scenarioNames, Scenario>>;

export function createScenarios(promptOf: PromptMaker): Scenarios {
  const mixed = (count: number): readonly Work[] => mixedWork(count, promptOf, lengths);
  const single = [{ ...promptOf(20), newTokens: 128 }];
  const long = Array.from({ length: 32 }, () => promptOf(400));
  const queue32 = queue(scenarioNames.queue32, 32, mixed(96));
  return {
    single: {
      name: scenarioNames.single,
      inFlight: 1,
      work: single,
      sequentialWork: single,
      batchWork: single,
      counts: 'new tokens',
    },
    queue32,
    ideal32: { ...queue32, name: scenarioNames.ideal32, work: equalLengths(queue32.work, promptOf) },
    queue64: queue(scenarioNames.queue64, 64, mixed(128)),
    prefill: {
      name: scenarioNames.prefill,
      inFlight: 32,
      work: long,
      sequentialWork: long.slice(0, 4),
      batchWork: long,
      counts: 'prompt tokens',
    },
  };
}

export const mixedWork = (
  count: number,
  promptOf: PromptMaker,
  { promptTokens, textTokens }: Lengths,
): readonly Work[] =>
  Array.from({ length: count }, (_, index) => ({
    ...promptOf(spread(index, promptTokens)),
    newTokens: spread(index * 7 + 3, textTokens),
  }));

/** The same number of texts and tokens, but with texts of one length. */
function equalLengths(work: readonly Work[], promptOf: PromptMaker): readonly Work[] {
  const prompt = promptOf(Math.round(mean(work.map(({ promptIds }) => promptIds.length))));
  const piece = { ...prompt, newTokens: Math.round(mean(work.map(({ newTokens }) => newTokens))) };
  return work.map(() => piece);
}

const queue = (name: string, inFlight: number, work: readonly Work[]): Scenario => ({
  name,
  inFlight,
  work,
  sequentialWork: evenSlice(work, 6),
  batchWork: evenSlice(work, 32),
  counts: 'new tokens',
});
