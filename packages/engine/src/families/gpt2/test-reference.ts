/**
 * GPT-2 by its definition, in double precision and without any speed, for tests: the logits after each token of a text.
 * @see modeling_gpt2.py of transformers
 */
import { join } from 'node:path';
import { openTensors } from '../../tensors/tensors.ts';
import type { Gpt2Files } from './read-gpt2-weights.ts';

type Row = readonly number[];

/** @param hasHead  Whether the files have a head of their own. @returns [S, V] */
export async function referenceLogits(
  { folder, weights, shape }: Gpt2Files,
  ids: readonly number[],
  hasHead: boolean,
): Promise<readonly Row[]> {
  const { layers, heads, width: e, innerWidth, vocabulary, positions, epsilon, activation } = shape;
  const tensors = await openTensors(weights.map((path) => join(folder, path)));
  const table = async (name: string, rows: number, columns: number): Promise<readonly Row[]> => {
    const values = await tensors.read(name, [rows, columns]);
    return Array.from({ length: rows }, (_, row) => [...values.subarray(row * columns, (row + 1) * columns)]);
  };
  const vector = async (name: string, length: number): Promise<Row> => [...(await tensors.read(name, [length]))];
  const norm = async (name: string): Promise<(x: Row) => Row> => {
    const [gain, bias] = [await vector(`${name}.weight`, e), await vector(`${name}.bias`, e)];
    return (x) => {
      const mean = sum(x) / e;
      const deviation = Math.sqrt(sum(x.map((value) => (value - mean) ** 2)) / e + epsilon);
      return x.map((value, index) => ((value - mean) / deviation) * at(gain, index) + at(bias, index));
    };
  };
  const linear = async (name: string, inputs: number, outputs: number): Promise<(x: Row) => Row> => {
    const [weight, bias] = [await table(`${name}.weight`, inputs, outputs), await vector(`${name}.bias`, outputs)];
    return (x) => bias.map((value, output) => value + sum(x.map((input, index) => input * at(weight[index], output))));
  };
  const tokens = await table('transformer.wte.weight', vocabulary, e);
  const places = await table('transformer.wpe.weight', positions, e);
  let hidden = ids.map((id, place) => add(tokens[id] ?? [], places[place] ?? []));
  for (let layer = 0; layer < layers; layer += 1) {
    const name = `transformer.h.${layer}`;
    const [attentionNorm, mlpNorm] = [await norm(`${name}.ln_1`), await norm(`${name}.ln_2`)];
    const attention = await linear(`${name}.attn.c_attn`, e, 3 * e);
    const projection = await linear(`${name}.attn.c_proj`, e, e);
    const [mlpIn, mlpOut] = [
      await linear(`${name}.mlp.c_fc`, e, innerWidth),
      await linear(`${name}.mlp.c_proj`, innerWidth, e),
    ];
    const d = e / heads;
    const divisor = (shape.scalesScores ? Math.sqrt(d) : 1) * (shape.scalesScoresByLayer ? layer + 1 : 1);
    const joined = hidden.map((x) => attention(attentionNorm(x)));
    const part = (row: number, third: number, head: number): Row =>
      (joined[row] ?? []).slice(third * e + head * d, third * e + (head + 1) * d);
    hidden = hidden.map((x, place) => {
      const attended = range(heads).flatMap((head) => {
        const scores = range(place + 1).map((row) => dot(part(place, 0, head), part(row, 1, head)) / divisor);
        const shares = scores.map((score) => Math.exp(score - Math.max(...scores)));
        return range(d).map((i) => sum(shares.map((share, row) => share * at(part(row, 2, head), i))) / sum(shares));
      });
      const middle = add(x, projection(attended));
      return add(middle, mlpOut(mlpIn(mlpNorm(middle)).map(functions[activation])));
    });
  }
  const finalNorm = await norm('transformer.ln_f');
  const head = hasHead ? await table('lm_head.weight', vocabulary, e) : tokens;
  await tensors.close();
  return hidden.map((x) => {
    const normed = finalNorm(x);
    return head.map((row) => dot(normed, row));
  });
}

const functions = {
  'gelu-tanh': (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  gelu: (x: number) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  relu: (x: number) => Math.max(0, x),
} as const;

/** The error function by its Taylor series, which is exact enough for |x| < 4. */
function erf(x: number): number {
  let term = x;
  let total = x;
  for (let n = 1; n < 120; n += 1) {
    term *= (-x * x) / n;
    total += term / (2 * n + 1);
  }
  return Math.abs(x) > 5 ? Math.sign(x) : (2 / Math.sqrt(Math.PI)) * total;
}

const range = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);
const sum = (values: Row): number => values.reduce((total, value) => total + value, 0);
const add = (a: Row, b: Row): Row => a.map((value, index) => value + at(b, index));
const dot = (a: Row, b: Row): number => sum(a.map((value, index) => value * at(b, index)));
/** Reads a value whose index is known to be in range. */
const at = (values: Row | undefined, index: number): number => values?.[index] ?? Number.NaN;
