/** The engine `transformers` with the shipped model. */
import { readFileSync } from 'node:fs';
import type { LoadedModel, Logger, TextGenerator, TokenEvent } from '@prosemill/core';
import { childProcesses, describeTextGeneratorConformance, type GoldenTokens, silentLogger } from '@prosemill/testkit';
import { createTokenizer } from '@prosemill/tokenizer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTextGenerator, type TextGeneratorOptions } from './index.ts';
import { testOptions } from './test-options.ts';

const shipped: TextGeneratorOptions = { ...testOptions, engine: 'transformers' };
const goldenFile = new URL('../../../models/tiny-tales/golden.json', import.meta.url);
const golden = JSON.parse(readFileSync(goldenFile, 'utf8')) as GoldenTokens;
const never = new AbortController().signal;
const request = {
  prompt: 'Once upon a time',
  seed: 1,
  parameters: { maxLength: null, maxNewTokens: 400, temperature: 1, topK: 0, topP: 1, repetitionPenalty: 1, stop: [] },
};

describeTextGeneratorConformance('transformers', async () => {
  const generator = createTextGenerator(shipped);
  await generator.start();
  const tokenizer = createTokenizer(requireModel(generator).record.tokenizer);
  return { generator, golden, decode: (ids) => tokenizer.decode(ids) };
});

/** The most common words of English prose, which make up about half of any page. */
const commonWords = new Set(
  `the of and to a in that he was it his is with for as had you not be her on at by which have or from this him but all she they were my are me one their so an said them we who
  would been will no when there if more out up into do any your what has man could other than our some very time upon about may its only now like little then can made should did us
  such great before must two these see know over much down after good come again old went day king when so go came`.split(
    /\s+/,
  ),
);

describe('the shipped model', () => {
  it('writes English', async () => {
    const generator = createTextGenerator(shipped);
    await generator.start();
    const words: string[] = [];
    for (let seed = 0; seed < 8; seed += 1) {
      const parameters = { ...request.parameters, maxNewTokens: 100, temperature: 0.8, topK: 50 };
      for await (const event of generator.generate({ ...request, seed, parameters }, never)) {
        if (event.type === 'token-delta') words.push(event.text);
      }
      words.push(' ');
    }
    await generator.stop();
    const all =
      words
        .join('')
        .toLowerCase()
        .match(/[a-z']+/g) ?? [];
    expect(all.length).toBeGreaterThan(400);
    const share = all.filter((word) => commonWords.has(word)).length / all.length;
    expect(share).toBeGreaterThan(0.4);
    expect(share).toBeLessThan(0.8);
    expect(new Set(all).size / all.length).toBeGreaterThan(0.25);
  });
});

describe('the process of the engine', () => {
  let generator: TextGenerator;

  beforeAll(async () => {
    generator = createTextGenerator(shipped);
    await generator.start();
  });
  afterAll(async () => {
    await generator.stop();
  });

  it('starts again after a crash, and ends its running texts with an error that names the crash', async () => {
    const crashed = await readUntil(generator.generate(request, never), (event, count) => {
      if (event.type === 'token-delta' && count === 3) process.kill(childOf(process.pid), 'SIGKILL');
    });
    expect(crashed).toMatchObject({
      reason: 'error',
      error: { code: 'worker_lost', message: 'the engine process was ended by SIGKILL' },
    });
    expect(generator.state.type).toBe('restarting');
    // The next text waits for the new process.
    const next = await readUntil(
      generator.generate({ ...request, parameters: { ...request.parameters, maxNewTokens: 5 } }, never),
    );
    expect(next).toMatchObject({ reason: 'length', usage: { completionTokens: 5 } });
  });

  it('is killed when it hangs, and starts again', async () => {
    const watched = createTextGenerator({ ...shipped, hangLimitMs: 1_200 });
    await watched.start();
    const hung = await readUntil(watched.generate(request, never), (event, count) => {
      if (event.type === 'token-delta' && count === 3) process.kill(childOf(process.pid), 'SIGSTOP');
    });
    expect(hung).toMatchObject({
      reason: 'error',
      error: { code: 'worker_lost', message: 'the engine process was silent for 1.2 s and was ended by SIGKILL' },
    });
    const next = await readUntil(watched.generate(request, never));
    expect(next?.reason).not.toBe('error');
    await watched.stop();
  });

  it('is killed when it hangs during a load, leaves the reason in the log, and starts again', async () => {
    const reasons: unknown[] = [];
    const logger: Logger = { ...silentLogger, error: (fields) => reasons.push(fields['reason']) };
    const watched = createTextGenerator({ ...shipped, hangLimitMs: 600, logger });
    const loaded = watched.start();
    process.kill(childOf(process.pid), 'SIGSTOP');
    await loaded;
    expect(reasons[0]).toBe(
      'the engine process got no further with loading the model for 6 s and was ended by SIGKILL',
    );
    await watched.stop();
  });

  it('ignores the signals that a terminal sends to the whole group', async () => {
    const ending = await readUntil(
      generator.generate({ ...request, parameters: { ...request.parameters, maxNewTokens: 20 } }, never),
      (event, count) => {
        if (event.type !== 'token-delta' || count !== 2) return;
        process.kill(childOf(process.pid), 'SIGINT');
        process.kill(childOf(process.pid), 'SIGTERM');
      },
    );
    expect(ending?.reason).not.toBe('error');
  });

  it('starts before the model is found, and ends when there is none', async () => {
    const before = childOf(process.pid);
    const lost = createTextGenerator({ ...shipped, model: '/no/model' });
    const started = lost.start();
    expect(childOf(process.pid)).toBeGreaterThan(before);
    await expect(started).rejects.toMatchObject({ code: 'engine_unavailable' });
    await lost.stop();
    expect(childOf(process.pid)).toBe(before);
  });

  it('ends with stop, and ends its running texts with an error', async () => {
    const warnings: object[] = [];
    const logger = { ...silentLogger, warn: (fields: object) => void warnings.push(fields) };
    const other = createTextGenerator({ ...shipped, logger });
    await other.start();
    const ending = await readUntil(other.generate(request, never), (event, count) => {
      if (event.type === 'token-delta' && count === 2) void other.stop();
    });
    expect(ending).toMatchObject({ reason: 'error', error: { code: 'engine_unavailable' } });
    expect(other.state).toEqual({ type: 'stopped' });
    await other.stop();
    expect(warnings).toEqual([]);
    expect(await readUntil(other.generate(request, never))).toMatchObject({ reason: 'error' });
  });
});

async function readUntil(
  events: AsyncIterable<TokenEvent>,
  onEvent: (event: TokenEvent, deltas: number) => void = () => undefined,
) {
  let deltas = 0;
  for await (const event of events) {
    if (event.type === 'generation-end') return event.ending;
    if (event.type === 'token-delta') deltas += 1;
    onEvent(event, deltas);
  }
  return null;
}

/** The id of the newest engine process among the children of `parent`. */
function childOf(parent: number): number {
  const engines = childProcesses(parent).filter(({ command }) => command.includes('process/main.ts'));
  return Math.max(...engines.map(({ pid }) => pid));
}

function requireModel({ model }: TextGenerator): LoadedModel {
  if (model === null) throw new Error('no model');
  return model;
}
