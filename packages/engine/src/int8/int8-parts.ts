/**
 * A model's parts in int8: weights have a scale for each column; a product's inputs get a scale for each row as the
 * step runs, so that no row's result depends on another row.
 */
import { packWeights, paddedWidth } from '@prosemill/kernel';
import { activationOffset, isAfterActivation } from '../decoder/decoder-shape.ts';
import { type DecoderWeights, linearsOf } from '../decoder/decoder-weights.ts';
import { bytesOf, type HeldParts, holdParts, sharedParts } from '../decoder/model-parts.ts';
import type { OnShare } from '../load-progress.ts';

interface Columns {
  /** Shape [inputs, outputs]. */
  readonly values: Int8Array;
  /** Shape [outputs]. */
  readonly scales: Float32Array;
}

export function int8Parts(weights: DecoderWeights, onShare: OnShare = () => undefined): HeldParts {
  const { shape, head } = weights;
  const linears = linearsOf(weights);
  const parts: Record<string, ArrayBufferView> = sharedParts(weights);
  const add = (index: number, { values, scales }: Columns, inputs: number): void => {
    const outputs = scales.length;
    parts[`linear.${index}.weights`] = packWeights({ values, inputs, outputs }, 0, outputs);
    parts[`linear.${index}.scales`] = padded(scales);
    onShare((index + 1) / (linears.length + 1));
  };
  for (const [index, { weight, bias, inputs, outputs }] of linears.entries()) {
    const columns = quantizeColumns(weight, outputs);
    const offset = isAfterActivation(index) ? activationOffset(shape) : 0;
    parts[`linear.${index}.bias`] = offset === 0 ? bias : withoutOffset(bias, columns, offset);
    add(index, columns, inputs);
  }
  const { vocabulary } = shape;
  add(linears.length, quantizeColumns(transposed(head, vocabulary), vocabulary), head.length / vocabulary);
  return holdParts(shape, 'int8', bytesOf(parts));
}

function padded(values: Float32Array): Float32Array {
  const all = new Float32Array(paddedWidth(values.length));
  all.set(values);
  return all;
}

/** [rows, columns] → [columns, rows]. */
function transposed(values: Float32Array, rows: number): Float32Array {
  const columns = values.length / rows;
  const all = new Float32Array(values.length);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      all[column * rows + row] = values[row * columns + column] as number;
    }
  }
  return all;
}

/** Quantizes symmetrically, with one scale for each column. */
function quantizeColumns(weight: Float32Array, outputs: number): Columns {
  const scales = new Float32Array(outputs);
  const values = new Int8Array(weight.length);
  for (let start = 0; start < weight.length; start += outputs) {
    for (let column = 0; column < outputs; column += 1) {
      const size = Math.abs(weight[start + column] as number);
      if (size > (scales[column] as number)) scales[column] = size;
    }
  }
  for (let column = 0; column < outputs; column += 1) scales[column] = (scales[column] as number) / 127;
  for (let start = 0; start < weight.length; start += outputs) {
    for (let column = 0; column < outputs; column += 1) {
      const scale = scales[column] as number;
      values[start + column] = scale === 0 ? 0 : Math.round((weight[start + column] as number) / scale);
    }
  }
  return { values, scales };
}

/** Subtracts from each bias the amount that the offset of the inputs adds to its output. */
function withoutOffset(bias: Float32Array, { values, scales }: Columns, offset: number): Float32Array {
  const outputs = bias.length;
  const sums = new Int32Array(outputs);
  for (let start = 0; start < values.length; start += outputs) {
    for (let column = 0; column < outputs; column += 1) {
      sums[column] = (sums[column] as number) + (values[start + column] as number);
    }
  }
  return bias.map((value, output) => value - offset * (sums[output] as number) * (scales[output] as number));
}
