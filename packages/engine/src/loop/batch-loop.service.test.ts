/** The batch loop on the shipped model: its step reports, failures of the model, cancels and slots. */
import type { EngineStep } from '@prosemill/core';
import { fileURLToPath } from 'node:url';
import type { Tokenizer } from '@prosemill/tokenizer';
import { beforeAll, describe, expect, it } from 'vitest';
import { TextRun } from '../sampling/text-run.ts';
import { Decoder } from '../decoder/decoder.ts';
import type { DecoderWeights } from '../decoder/decoder-weights.ts';
import { floatParts } from '../decoder/model-parts.ts';
import type { StepObserver, StepPart } from '../decoder/thread-step.ts';
import { readTestModel } from '../families/gpt2/test-model.ts';
import { BatchLoop } from './batch-loop.ts';

const folder = fileURLToPath(new URL('../../../../models/tiny-tales', import.meta.url));
const sampling = { maxLength: null, temperature: 1, topK: 50, topP: 1, repetitionPenalty: 1, stop: [] };

let tokenizer: Tokenizer;
let weights: DecoderWeights;
beforeAll(async () => {
  ({ tokenizer, weights } = await readTestModel(folder));
});

function textOf(prompt: string, maxNewTokens: number, onToken: (count: number) => void = () => undefined): TextRun {
  return new TextRun({
    request: { prompt, seed: 1, parameters: { ...sampling, maxNewTokens } },
    tokenizer,
    contextLength: weights.shape.positions,
    endIds: new Set(),
    onText: (_, completionTokens) => onToken(completionTokens),
  });
}

const ignore = (): void => undefined;

const loopOn = async (
  of: DecoderWeights,
  texts: number,
  onStep: (step: EngineStep) => void = ignore,
  observer?: StepObserver,
): Promise<BatchLoop> => {
  const decoder = await Decoder.open(floatParts(of), { threads: 1, texts, rows: texts + 256, wanted: texts, observer });
  return new BatchLoop({ decoder, onStep });
};

describe('the loop of a batch', () => {
  it('reports the number of texts and the duration of each step', async () => {
    const steps: EngineStep[] = [];
    const loop = await loopOn(weights, 2, (step) => steps.push(step));
    await Promise.all([loop.run(textOf('The king', 3), ignore), loop.run(textOf('The king', 5), ignore)]);
    // The first step computes both prompts and gives the first token of each.
    expect(steps.map(({ rows }) => rows)).toEqual([2, 2, 2, 1, 1]);
    for (const { durationMs, cycleMs } of steps) {
      expect(durationMs).toBeGreaterThan(0);
      expect(cycleMs).toBeGreaterThan(durationMs);
    }
  });

  it('ends only the text whose logits are not finite numbers, and rejects it', async () => {
    const tokens = weights.tokens.slice();
    const [bad = 0] = tokenizer.encode('!');
    const { width } = weights.shape;
    tokens.fill(Number.NaN, bad * width, (bad + 1) * width);
    const loop = await loopOn({ ...weights, tokens }, 4);
    const [first, broken, last] = [textOf('The king', 20), textOf('The fox!', 20), textOf('Once upon a time', 20)];
    const runs = [first, broken, last].map((text) => loop.run(text, ignore));
    const results = await Promise.allSettled(runs);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(results[1]).toMatchObject({ reason: { message: expect.stringContaining('not finite numbers') as string } });
    expect([first.ending, last.ending]).toEqual(['length', 'length']);
  });

  it('refuses texts with no tokens or with ids that the model does not have, and runs the others', async () => {
    const loop = await loopOn(weights, 8);
    const good = textOf('The king', 30);
    const goodRun = loop.run(good, ignore);
    for (const promptIds of [[], [5, weights.shape.vocabulary], [-1], [5, 0.5], [undefined, 5]]) {
      const bad = textOf('The fox', 5);
      Object.assign(bad, { promptIds });
      const words = promptIds.length === 0 ? 'no tokens' : 'but the model has tokens 0 to 4095 only';
      await expect(loop.run(bad, ignore)).rejects.toMatchObject({
        code: 'invalid_request',
        message: expect.stringContaining(words) as string,
      });
    }
    await goodRun;
    expect(good.ending).toBe('length');
  });

  it('begins no step of a text after its cancel, and leaves the others where they are', async () => {
    const steps: EngineStep[] = [];
    const during = textOf('The king', 300);
    const onPart = (part: StepPart): void => {
      if (steps.length === 7 && part === 'attention') during.cancel();
    };
    const loop = await loopOn(weights, 4, (step) => steps.push(step), { onPart });
    const between: TextRun = textOf('The king', 300, (count) => {
      if (count === 5) setImmediate(() => between.cancel());
    });
    const other = textOf('The fox', 40);
    await Promise.all([between, during, other].map(async (text) => await loop.run(text, ignore)));
    expect(between).toMatchObject({ ending: 'canceled', usage: { completionTokens: 5 } });
    // The token of the step in which the cancel arrives is dropped.
    expect(during).toMatchObject({ ending: 'canceled', usage: { completionTokens: 7 } });
    expect(other).toMatchObject({ ending: 'length', usage: { completionTokens: 40 } });
    const rows = [5, 3, 32].flatMap((count, ended) => Array.from({ length: count }, () => 3 - ended));
    expect(steps.map((step) => step.rows)).toEqual(rows);
  });

  it('drops a long prompt that is canceled between two of its chunks', async () => {
    const loop = await loopOn(weights, 4);
    const long = textOf(Array.from({ length: 300 }, () => 'king').join(' '), 5);
    expect(long.promptIds.length).toBeGreaterThan(256);
    const run = loop.run(long, () => setImmediate(() => long.cancel()));
    const other = textOf('The fox', 10);
    await Promise.all([run, loop.run(other, ignore)]);
    expect(long).toMatchObject({ ending: 'canceled', usage: { completionTokens: 0 } });
    expect(other.ending).toBe('length');
  });

  it('gives a short prompt its first token within two steps, beside 28 running texts and 3 long prompts', async () => {
    const steps: EngineStep[] = [];
    const loop = await loopOn(weights, 32, (step) => steps.push(step));
    const others = Array.from({ length: 28 }, () => textOf('The king', 12));
    // Each step has prompt positions for two of them.
    const long = [1, 2, 3].map(() => textOf(Array.from({ length: 480 }, () => 'king').join(' '), 5));
    const runs = [...others, ...long].map(async (text) => await loop.run(text, ignore));
    while (steps.length < 2) await new Promise(setImmediate);
    let firstAt = 0;
    const before = steps.length;
    const short = textOf('The fox', 3, (count) => {
      if (count === 1) firstAt = steps.length;
    });
    await loop.run(short, ignore);
    // The step that runs when the prompt arrives, and its own.
    expect(firstAt - before).toBeLessThanOrEqual(2);
    expect(steps[firstAt - 1]?.rows).toBe(28 + 2 + 1);
    await Promise.all(runs);
    expect(long.map(({ ending }) => ending)).toEqual(['length', 'length', 'length']);
  });

  it('runs no more texts at once than it has slots', async () => {
    const loop = await loopOn(weights, 2);
    const started = new Set<TextRun>();
    let most = 0;
    const texts = Array.from({ length: 6 }, (_, index) => textOf('The king', 4 + index));
    await Promise.all(
      texts.map((text) =>
        loop.run(text, () => {
          started.add(text);
          most = Math.max(most, [...started].filter(({ ending }) => ending === null).length);
        }),
      ),
    );
    expect(started.size).toBe(6);
    expect(most).toBe(2);
  });
});
