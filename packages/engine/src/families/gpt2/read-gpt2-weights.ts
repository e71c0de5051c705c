/** Reads the weights of a GPT-2 model by their Hugging Face names, and pads them to the widths of the decoder. */
import { join } from 'node:path';
import { openTensors, type Tensors } from '../../tensors/tensors.ts';
import { paddedWidths } from '../../decoder/decoder-shape.ts';
import type { DecoderLayer, DecoderWeights, Linear, Norm } from '../../decoder/decoder-weights.ts';
import type { OnShare } from '../../load-progress.ts';
import type { WeightFiles } from '../families.ts';
import { type Gpt2Shape, readGpt2Shape } from './gpt2-config.ts';

/** One side of a matrix: `groups` times `width` numbers, each group padded with zeros to `padded`. */
interface Side {
  readonly groups: number;
  readonly width: number;
  readonly padded: number;
}

const whole = (count: number, padded = count): Side => ({ groups: 1, width: count, padded });

const head = 'lm_head.weight';
const tensorsPerLayer = 12;
/** Token table, position table, gain and bias of the final norm, and the head. */
const otherTensors = 5;

/** @throws {AppError} `engine_unavailable` when the files do not hold the weights that config.json describes */
export async function readGpt2Weights(
  { folder, weights, config }: WeightFiles,
  onShare: OnShare = () => undefined,
): Promise<DecoderWeights> {
  const shape = readGpt2Shape({ file: 'config.json', fields: config });
  const tensors = await openTensors(weights.map((path) => join(folder, path)));
  try {
    return await readAll(tensors, shape, onShare);
  } finally {
    await tensors.close();
  }
}

async function readAll(tensors: Tensors, shape: Gpt2Shape, onShare: OnShare): Promise<DecoderWeights> {
  const { heads, width, innerWidth, vocabulary, positions } = shape;
  const padded = paddedWidths(shape);
  const row = whole(width, padded.row);
  const inner = whole(innerWidth, padded.inner);
  const headsOf = (groups: number): Side => ({ groups, width: width / heads, padded: padded.head });
  // Some files omit the prefix of the names.
  const prefix = tensors.has('transformer.wpe.weight') ? 'transformer.' : '';
  const total = tensorsPerLayer * shape.layers + otherTensors;
  let count = 0;
  const read = async (name: string, ...sides: readonly Side[]): Promise<Float32Array> => {
    const values = await tensors.read(
      name,
      sides.map((side) => side.groups * side.width),
    );
    count += 1;
    onShare(count / total);
    const [rows = whole(1), columns = rows] = sides.length === 1 ? [whole(1), ...sides] : sides;
    return pad(values, rows, columns);
  };
  const norm = async (name: string): Promise<Norm> => ({
    gain: await read(`${prefix}${name}.weight`, row),
    bias: await read(`${prefix}${name}.bias`, row),
  });
  const linear = async (name: string, inputs: Side, outputs: Side): Promise<Linear> => ({
    weight: await read(`${prefix}${name}.weight`, inputs, outputs),
    bias: await read(`${prefix}${name}.bias`, outputs),
    inputs: inputs.groups * inputs.padded,
    outputs: outputs.groups * outputs.padded,
  });

  const layers: DecoderLayer[] = [];
  for (let layer = 0; layer < shape.layers; layer += 1) {
    const name = `h.${layer}`;
    layers.push({
      attentionNorm: await norm(`${name}.ln_1`),
      attention: scaleQueries(await linear(`${name}.attn.c_attn`, row, headsOf(3 * heads)), scoreDivisor(shape, layer)),
      projection: await linear(`${name}.attn.c_proj`, headsOf(heads), row),
      mlpNorm: await norm(`${name}.ln_2`),
      mlpIn: await linear(`${name}.mlp.c_fc`, row, inner),
      mlpOut: await linear(`${name}.mlp.c_proj`, inner, row),
    });
  }
  // safetensors stores one of the tensors that share their values: save_model keeps the first by name.
  const table = tensors.has(`${prefix}wte.weight`) || !tensors.has(head) ? `${prefix}wte.weight` : head;
  const tokens = await read(table, whole(vocabulary), row);
  // transformers computes with a stored head from version 5 on, whatever config.json says about it.
  const hasOwnHead = (tensors.has(head) && table !== head) || !shape.tiesHead;
  const own = hasOwnHead ? await read(head, whole(vocabulary), row) : tokens;
  return {
    shape,
    tokens,
    positions: await read(`${prefix}wpe.weight`, whole(positions), row),
    layers,
    finalNorm: await norm('ln_f'),
    head: isEqual(own, tokens) ? tokens : own,
  };
}

const isEqual = (one: Float32Array, two: Float32Array): boolean =>
  one === two || Buffer.from(one.buffer).equals(Buffer.from(two.buffer));

/** The number by which attention divides its scores. */
const scoreDivisor = ({ width, heads, scalesScores, scalesScoresByLayer }: Gpt2Shape, layer: number): number =>
  (scalesScores ? Math.sqrt(width / heads) : 1) * (scalesScoresByLayer ? layer + 1 : 1);

/** Folds the scores' divisor into the queries, the first third of the outputs: exact if it is a power of two. */
function scaleQueries({ weight, bias, inputs, outputs }: Linear, divisor: number): Linear {
  for (let input = 0; input < inputs; input += 1) {
    divide(weight.subarray(input * outputs, input * outputs + outputs / 3), divisor);
  }
  divide(bias.subarray(0, outputs / 3), divisor);
  return { weight, bias, inputs, outputs };
}

function divide(values: Float32Array, divisor: number): void {
  for (let index = 0; index < values.length; index += 1) values[index] = (values[index] ?? 0) / divisor;
}

function pad(values: Float32Array, rows: Side, columns: Side): Float32Array {
  if (rows.width === rows.padded && columns.width === columns.padded) return values;
  const stride = columns.groups * columns.padded;
  const all = new Float32Array(rows.groups * rows.padded * stride);
  let done = 0;
  for (let row = 0; row < rows.groups * rows.width; row += 1) {
    const start = stride * (Math.floor(row / rows.width) * rows.padded + (row % rows.width));
    for (let group = 0; group < columns.groups; group += 1) {
      all.set(values.subarray(done, done + columns.width), start + group * columns.padded);
      done += columns.width;
    }
  }
  return all;
}
