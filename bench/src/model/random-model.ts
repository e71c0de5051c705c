/** Writes a model of distilgpt2's exact shape with random weights, in the format of each contestant. */
import { access, copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DecoderWeights, Linear, Norm } from '@prosemill/engine/internals';
import { buildExportedGraph } from './exported-graph.ts';
import { buildGpt2Gguf } from './gguf-gpt2.ts';
import { endId, ggufName, modelShape } from './model-shape.ts';
import { buildSafetensors } from './safetensors.ts';

const config = {
  model_type: 'gpt2',
  architectures: ['GPT2LMHeadModel'],
  activation_function: 'gelu_new',
  n_layer: modelShape.layers,
  n_head: modelShape.heads,
  n_embd: modelShape.width,
  n_positions: modelShape.positions,
  vocab_size: modelShape.vocabulary,
  layer_norm_epsilon: modelShape.epsilon,
  bos_token_id: endId,
  eos_token_id: endId,
};

interface TokenizerFile {
  readonly model: { readonly vocab: Record<string, number>; readonly merges: readonly (readonly [string, string])[] };
}

const shippedFolder = fileURLToPath(new URL('../../../models/tiny-tales', import.meta.url));
/** The file that marks a complete model. Raise its number when the files change, so that old folders are rewritten. */
const completeName = 'complete-3';

/** Writes the model of about 800 MB into the folder, unless it is there. */
export async function writeRandomModel(folder: string): Promise<void> {
  const isDone = await access(join(folder, completeName)).then(
    () => true,
    () => false,
  );
  if (isDone) return;
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, 'onnx'), { recursive: true });
  const weights = randomWeights();
  const tokenizer = await enlargedTokenizer();
  const { vocab, merges } = tokenizer.model;
  const tokens = Object.keys(vocab).toSorted((a, b) => (vocab[a] ?? 0) - (vocab[b] ?? 0));
  await writeFile(join(folder, ggufName), buildGpt2Gguf(weights, { tokens, merges: merges.map((p) => p.join(' ')) }));
  await writeFile(join(folder, 'onnx/model.onnx'), buildExportedGraph(weights));
  await writeFile(join(folder, 'model.safetensors'), buildSafetensors(weights));
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
  await writeFile(join(folder, 'generation_config.json'), JSON.stringify({ eos_token_id: endId }));
  await copyFile(join(shippedFolder, 'tokenizer_config.json'), join(folder, 'tokenizer_config.json'));
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer));
  await writeFile(join(folder, completeName), '');
}

/** The shipped model's tokenizer, extended by words up to the size of the vocabulary. */
async function enlargedTokenizer(): Promise<TokenizerFile> {
  const tokenizer = JSON.parse(await readFile(join(shippedFolder, 'tokenizer.json'), 'utf8')) as TokenizerFile;
  const { vocab } = tokenizer.model;
  for (let id = Object.keys(vocab).length; id < modelShape.vocabulary; id += 1) vocab[`Ġword${id}`] = id;
  return tokenizer;
}

function randomWeights(): DecoderWeights {
  const { layers, width, innerWidth, vocabulary, positions } = modelShape;
  let state = 1;
  const nextState = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0);
  const next = (): number => nextState() / 2 ** 32;
  // The weights come from 65,536 distinct values, from which no matrix product can profit. Generating each would take
  // minutes.
  const pool = Float32Array.from({ length: 2 ** 16 }, () => (next() + next() - 1) * 0.05);
  function random(length: number, around = 0): Float32Array {
    const values = new Float32Array(length);
    for (let index = 0; index < length; index += 1) values[index] = around + (pool[nextState() >>> 16] ?? 0);
    return values;
  }
  const norm = (): Norm => ({ gain: random(width, 1), bias: random(width) });
  const linear = (inputs: number, outputs: number): Linear => ({
    weight: random(inputs * outputs),
    bias: random(outputs),
    inputs,
    outputs,
  });
  const tokens = random(vocabulary * width);
  // The end of text gets the logit 0, far from the top 50, so that no contestant draws it and each text has the
  // requested length.
  tokens.fill(0, endId * width, (endId + 1) * width);
  return {
    shape: modelShape,
    tokens,
    positions: random(positions * width),
    layers: Array.from({ length: layers }, () => ({
      attentionNorm: norm(),
      attention: linear(width, 3 * width),
      projection: linear(width, width),
      mlpNorm: norm(),
      mlpIn: linear(width, innerWidth),
      mlpOut: linear(innerWidth, width),
    })),
    finalNorm: norm(),
    head: tokens,
  };
}
