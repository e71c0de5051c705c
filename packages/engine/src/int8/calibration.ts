/** Measures on a page of text what balancing needs to know: the inputs of the linear layers, and the keys. */
import { Decoder } from '../decoder/decoder.ts';
import { linearCount, paddedWidths } from '../decoder/decoder-shape.ts';
import type { ModelParts } from '../decoder/model-parts.ts';
import { type OnShare, partOf } from '../load-progress.ts';

/** Statistics of each channel, [channels]. */
export interface ChannelStatistics {
  readonly mean: Float32Array;
  /** Mean absolute difference from the mean. */
  readonly spread: Float32Array;
}

export interface Calibration {
  /** The input of each linear layer, in the order of their numbers. */
  readonly inputs: readonly ChannelStatistics[];
  /** The keys of each layer, [A]. */
  readonly keys: readonly ChannelStatistics[];
}

/** Loading the model takes about this share of the time. */
const loadShare = 0.4;
/** Positions of a text that begins anew. */
const windowTokens = 256;
/** Positions of a step. */
const stepTokens = 64;
/**
 * Positions at the start of each window that the statistics omit: GPT-2 uses the first token as an attention sink, and
 * the few huge channels of that token would hide all others.
 * @see Xiao 2023, "Efficient Streaming Language Models with Attention Sinks"
 */
const skippedTokens = 1;

/** @param ids  A few hundred tokens of ordinary text. */
export async function calibrate(
  model: ModelParts,
  ids: readonly number[],
  onShare: OnShare = () => undefined,
): Promise<Calibration> {
  const { shape } = model;
  const { attention } = paddedWidths(shape);
  const size = Math.min(windowTokens, shape.positions);
  const rows = ids.length - skippedTokens * Math.ceil(ids.length / size);
  const inputs = Array.from({ length: linearCount(shape) }, () => new ChannelSums(rows));
  const keys = Array.from({ length: shape.layers }, () => new ChannelSums(rows));
  let skipped = 0;
  let measured: Measured = 'mean';
  const decoder = await Decoder.open(model, {
    threads: 1,
    texts: 1,
    rows: stepTokens,
    wanted: stepTokens,
    // Steps of so many rows need no weights of the kernel's.
    maxOwnRows: 0,
    observer: {
      onInput: (linear, data, width) => inputs[linear]?.add(measured, data.subarray(skipped * width), { width }),
      onJoined: (layer, data) =>
        keys[layer]?.add(measured, data.subarray(3 * attention * skipped), {
          width: attention,
          stride: 3 * attention,
          first: attention,
        }),
    },
    onShare: partOf(onShare, 0, loadShare),
  });
  /** The observer measures each step of the text. */
  const runText = async (onPart: OnShare): Promise<void> => {
    for (let start = 0; start < ids.length; start += size) {
      const window = ids.slice(start, start + size);
      const text = decoder.pages.add(window.length);
      for (let done = 0; done < window.length; done += stepTokens) {
        skipped = done === 0 ? skippedTokens : 0;
        const piece = window.slice(done, done + stepTokens);
        await decoder.step([{ text, ids: piece, wanted: piece.length }]);
        onPart((start + done + piece.length) / ids.length);
      }
      decoder.pages.remove(text);
    }
  };
  try {
    // The spread needs the mean. To keep the rows instead would take 2 GB with gpt2-large.
    await runText(partOf(onShare, loadShare, (1 + loadShare) / 2));
    measured = 'spread';
    await runText(partOf(onShare, (1 + loadShare) / 2, 1));
  } finally {
    await decoder.close();
  }
  return { inputs: inputs.map((sums) => sums.statistics()), keys: keys.map((sums) => sums.statistics()) };
}

type Measured = 'mean' | 'spread';

class ChannelSums {
  readonly #rows: number;
  readonly #sums: Record<Measured, Float64Array> = { mean: new Float64Array(), spread: new Float64Array() };

  /** @param rows  The number of rows of the whole text. */
  constructor(rows: number) {
    this.#rows = rows;
  }

  /** @param data  [rows, stride], of which the channels `first`… count. */
  add(
    measured: Measured,
    data: Float32Array,
    { width, stride = width, first = 0 }: { width: number; stride?: number; first?: number },
  ): void {
    if (this.#sums[measured].length === 0) this.#sums[measured] = new Float64Array(width);
    const { [measured]: sums } = this.#sums;
    const { mean } = this.#sums;
    for (let row = first; row < data.length; row += stride) {
      for (let i = 0; i < width; i += 1) {
        const value = data[row + i] as number;
        const part = measured === 'mean' ? value : Math.abs(value - (mean[i] as number));
        sums[i] = (sums[i] as number) + part / this.#rows;
      }
    }
  }

  statistics(): ChannelStatistics {
    return { mean: new Float32Array(this.#sums.mean), spread: new Float32Array(this.#sums.spread) };
  }
}
