/**
 * A plain onnxruntime loop on the exported graph: static batches of up to 32 texts, padded on the left. A batch ends
 * with its longest text.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from '@prosemill/engine/internals';
import { modelShape } from '../model/model-shape.ts';
import { sum } from '../statistics.ts';
import type { Work } from '../work.ts';
import { sampleTop } from './sample-top.ts';
import { serve } from './serve.ts';

const [folder = ''] = process.argv.slice(2);
const maxBatch = 32;
/** The most positions of a batch's prompts: the exported graph outputs the logits of every position, 200 KB each. */
const maxPromptPositions = 4_096;
const topK = 50;
const { layers, heads, width, vocabulary } = modelShape;
const headWidth = width / heads;

type Tensors = Record<string, Tensor>;

await serve(async () => {
  const session = await InferenceSession.create(join(folder, 'onnx/model.onnx'), {
    intraOpNumThreads: availableParallelism(),
    interOpNumThreads: 1,
  });
  return async (work) => {
    const begin = performance.now();
    for (const batch of batchesOf(work)) await generate(session, batch);
    return { tokens: sum(work.map(({ newTokens }) => newTokens)), ms: performance.now() - begin };
  };
});

/** Cuts the work into batches, in order, each as large as possible. */
function batchesOf(work: readonly Work[]): readonly (readonly Work[])[] {
  const batches: Work[][] = [];
  for (const piece of work) {
    const last = batches.at(-1) ?? [];
    const longest = Math.max(piece.promptIds.length, ...last.map(({ promptIds }) => promptIds.length));
    const fits = last.length < maxBatch && (last.length + 1) * longest <= maxPromptPositions;
    if (last.length > 0 && fits) last.push(piece);
    else batches.push([piece]);
  }
  return batches;
}

async function generate(session: InferenceSession, batch: readonly Work[]): Promise<void> {
  const rows = batch.length;
  const promptLength = Math.max(...batch.map(({ promptIds }) => promptIds.length));
  const steps = Math.max(...batch.map(({ newTokens }) => newTokens));
  const padding = batch.map(({ promptIds }) => promptLength - promptIds.length);
  let ids: readonly (readonly number[])[] = batch.map(({ promptIds }, row) => [
    ...Array.from({ length: padding[row] ?? 0 }, () => 0),
    ...promptIds,
  ]);
  let past: Tensors = emptyPast(rows);
  for (let step = 0; step < steps; step += 1) {
    const total = promptLength + step;
    const results = await session.run({ ...past, ...inputsOf(ids, padding, total) });
    const length = ids[0]?.length ?? 1;
    const logits = results['logits']?.data as Float32Array;
    ids = batch.map((_, row) => {
      const last = ((row + 1) * length - 1) * vocabulary;
      return [sampleTop(logits.subarray(last, last + vocabulary), topK)];
    });
    past = presentAsPast(results);
  }
}

function inputsOf(ids: readonly (readonly number[])[], padding: readonly number[], total: number): Tensors {
  const length = ids[0]?.length ?? 1;
  const dims = [ids.length, length];
  const positions = padding.flatMap((pad) =>
    Array.from({ length }, (_, step) => Math.max(0, total - length + step - pad)),
  );
  const seen = padding.flatMap((pad) => Array.from({ length: total }, (_, column) => Number(column >= pad)));
  return {
    input_ids: new Tensor('int64', int64(ids.flat()), dims),
    position_ids: new Tensor('int64', int64(positions), dims),
    attention_mask: new Tensor('int64', int64(seen), [ids.length, total]),
  };
}

const int64 = (values: readonly number[]): BigInt64Array => BigInt64Array.from(values, BigInt);

function emptyPast(rows: number): Tensors {
  const empty = new Tensor('float32', new Float32Array(), [rows, heads, 0, headWidth]);
  const names = Array.from({ length: layers }, (_, layer) => [keyName(layer), valueName(layer)]).flat();
  return Object.fromEntries(names.map((name) => [name, empty]));
}

function presentAsPast(results: Readonly<Tensors>): Tensors {
  const present = Object.entries(results).filter(([name]) => name.startsWith('present.'));
  return Object.fromEntries(present.map(([name, tensor]) => [name.replace('present', 'past_key_values'), tensor]));
}

const keyName = (layer: number): string => `past_key_values.${layer}.key`;
const valueName = (layer: number): string => `past_key_values.${layer}.value`;
