/** A model of distilgpt2's exact shape with random weights, for engines that read safetensors or exported ONNX. */
import { access, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Gpt2Weights, type Linear, type Norm } from '@prosemill/engine/gpt2';
import { buildExportedGraph } from './exported-graph.ts';

const shape = {
  layers: 6,
  heads: 12,
  width: 768,
  innerWidth: 3072,
  vocabulary: 50_257,
  positions: 1024,
  epsilon: 1e-5,
  endIds: [50_256],
} as const;

const config = {
  model_type: 'gpt2',
  architectures: ['GPT2LMHeadModel'],
  activation_function: 'gelu_new',
  n_layer: shape.layers,
  n_head: shape.heads,
  n_embd: shape.width,
  n_positions: shape.positions,
  vocab_size: shape.vocabulary,
  layer_norm_epsilon: shape.epsilon,
  bos_token_id: shape.endIds[0],
  eos_token_id: shape.endIds[0],
};

const shippedFolder = fileURLToPath(new URL('../../models/tiny-tales', import.meta.url));

/** Writes the model into the folder unless it is there: about 700 MB. */
export async function writeRandomModel(folder: string): Promise<void> {
  const done = join(folder, 'complete');
  const isDone = await access(done).then(
    () => true,
    () => false,
  );
  if (isDone) return;
  await mkdir(join(folder, 'onnx'), { recursive: true });
  const weights = randomWeights();
  await writeFile(join(folder, 'onnx/model.onnx'), buildExportedGraph(weights));
  await writeFile(join(folder, 'model.safetensors'), safetensorsOf(weights));
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
  await writeFile(join(folder, 'generation_config.json'), JSON.stringify({ eos_token_id: shape.endIds[0] }));
  await copyFile(join(shippedFolder, 'tokenizer_config.json'), join(folder, 'tokenizer_config.json'));
  await writeFile(join(folder, 'tokenizer.json'), await enlargedTokenizer());
  await writeFile(done, '');
}

/** The shipped model's tokenizer, with as many words more as the vocabulary has ids. */
async function enlargedTokenizer(): Promise<string> {
  const tokenizer = JSON.parse(await readFile(join(shippedFolder, 'tokenizer.json'), 'utf8')) as {
    model: { vocab: Record<string, number> };
  };
  for (let id = Object.keys(tokenizer.model.vocab).length; id < shape.vocabulary; id += 1) {
    tokenizer.model.vocab[`Ġword${id}`] = id;
  }
  return JSON.stringify(tokenizer);
}

function randomWeights(): Gpt2Weights {
  const { layers, width, innerWidth, vocabulary, positions } = shape;
  // Values repeat after 65,536 numbers, which no matrix multiplication can profit from; a generator call for each would take minutes.
  const pool = Float32Array.from({ length: 2 ** 16 }, () => (Math.random() + Math.random() - 1) * 0.05);
  let state = 1;
  function random(length: number, around = 0): Float32Array {
    const values = new Float32Array(length);
    for (let index = 0; index < length; index += 1) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      values[index] = around + (pool[state >>> 16] ?? 0);
    }
    return values;
  }
  const norm = (): Norm => ({ gain: random(width, 1), bias: random(width) });
  const linear = (inputs: number, outputs: number): Linear => ({
    weight: random(inputs * outputs),
    bias: random(outputs),
    inputs,
    outputs,
  });
  return {
    shape,
    tokens: random(vocabulary * width),
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
  };
}

/** The same weights under Hugging Face's names. */
function safetensorsOf({ tokens, positions, layers, finalNorm }: Gpt2Weights): Uint8Array {
  const tensors: [name: string, dims: readonly number[], data: Float32Array][] = [
    ['wte.weight', [shape.vocabulary, shape.width], tokens],
    ['wpe.weight', [shape.positions, shape.width], positions],
  ];
  const addNorm = (name: string, { gain, bias }: Norm): void => {
    tensors.push([`${name}.weight`, [gain.length], gain], [`${name}.bias`, [bias.length], bias]);
  };
  const addLinear = (name: string, { weight, bias, inputs, outputs }: Linear): void => {
    tensors.push([`${name}.weight`, [inputs, outputs], weight], [`${name}.bias`, [outputs], bias]);
  };
  for (const [index, layer] of layers.entries()) {
    addNorm(`h.${index}.ln_1`, layer.attentionNorm);
    addLinear(`h.${index}.attn.c_attn`, layer.attention);
    addLinear(`h.${index}.attn.c_proj`, layer.projection);
    addNorm(`h.${index}.ln_2`, layer.mlpNorm);
    addLinear(`h.${index}.mlp.c_fc`, layer.mlpIn);
    addLinear(`h.${index}.mlp.c_proj`, layer.mlpOut);
  }
  addNorm('ln_f', finalNorm);
  let offset = 0;
  const header = Object.fromEntries(
    tensors.map(([name, dims, data]) => {
      const begin = offset;
      offset += data.byteLength;
      return [`transformer.${name}`, { dtype: 'F32', shape: dims, data_offsets: [begin, offset] }];
    }),
  );
  const headerBytes = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(headerBytes.length));
  const data = tensors.map(([, , values]) => Buffer.from(values.buffer));
  return Buffer.concat([length, headerBytes, ...data]);
}
