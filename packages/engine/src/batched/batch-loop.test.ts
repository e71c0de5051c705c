/** The batch loop on the shipped model: its step reports, failures of the model, cancels and slots. */
import type { EngineStep } from '@prosemill/core';
import { fileURLToPath } from 'node:url';
import type { Tokenizer } from '@prosemill/tokenizer';
import { beforeAll, describe, expect, it } from 'vitest';
import { TextRun } from '../sampling/text-run.ts';
import { BatchLoop } from './batch-loop.ts';
import { buildFp32Graph } from './gpt2-graph.ts';
import { Gpt2Session } from './gpt2-session.ts';
import type { Gpt2Weights } from './gpt2-weights.ts';
import { readTestModel } from './test-model.ts';

const folder = fileURLToPath(new URL('../../../../models/tiny-tales', import.meta.url));
const sampling = { maxLength: null, temperature: 1, topK: 50, topP: 1, repetitionPenalty: 1, stop: [] };

let tokenizer: Tokenizer;
let weights: Gpt2Weights;
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
  graphOf: Gpt2Weights,
  slots: number,
  onStep: (step: EngineStep) => void = ignore,
): Promise<BatchLoop> =>
  new BatchLoop({
    session: await Gpt2Session.create(buildFp32Graph(graphOf), weights.shape, 2),
    shape: weights.shape,
    slots,
    minRows: 4,
    promptUnit: 16,
    onStep,
  });

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

  it('rejects every text of a failed step with the error of onnxruntime, and runs the next ones', async () => {
    // A token table that lacks most of the tokenizer's tokens.
    const short = { ...weights.shape, vocabulary: 300 };
    const loop = await loopOn({ ...weights, shape: short, tokens: weights.tokens.slice(0, 300 * short.width) }, 4);
    const texts = ['The king', 'The king and the fox', 'Once upon a time'].map((prompt) => textOf(prompt, 5));
    const results = await Promise.allSettled(texts.map((text) => loop.run(text, ignore)));
    for (const result of results) {
      expect(result).toMatchObject({
        status: 'rejected',
        reason: { message: expect.stringContaining('Gather') as string },
      });
    }
    const next = textOf('!', 5);
    await loop.run(next, ignore);
    expect(next.ending).toBe('length');
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

  it('drops a canceled text at its next step, and leaves the others where they are', async () => {
    const loop = await loopOn(weights, 4);
    let after = 0;
    const canceled: TextRun = textOf('The king', 300, (count) => {
      if (count >= 5) setImmediate(() => canceled.cancel());
      if (canceled.ending !== null) after += 1;
    });
    const other = textOf('The fox', 40);
    await Promise.all([loop.run(canceled, ignore), loop.run(other, ignore)]);
    expect(canceled).toMatchObject({ ending: 'canceled' });
    expect(canceled.usage.completionTokens).toBeLessThanOrEqual(8);
    expect(after).toBeLessThanOrEqual(1);
    expect(other).toMatchObject({ ending: 'length', usage: { completionTokens: 40 } });
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
