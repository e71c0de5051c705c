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
  const inputs = Array.from({ length: linearCount(shape) }, () => new ChannelRows(ids.length));
  const keys = Array.from({ length: shape.layers }, () => new ChannelRows(ids.length));
  let skipped = 0;
  const decoder = await Decoder.open(model, {
    threads: 1,
    texts: 1,
    rows: stepTokens,
    wanted: stepTokens,
    observer: {
      onInput: (linear, data, width) => inputs[linear]?.add(data.subarray(skipped * width), width),
      onJoined: (layer, data) =>
        keys[layer]?.add(data.subarray(3 * attention * skipped), attention, 3 * attention, attention),
    },
    onShare: partOf(onShare, 0, loadShare),
  });
  try {
    const size = Math.min(windowTokens, shape.positions);
    for (let start = 0; start < ids.length; start += size) {
      const window = ids.slice(start, start + size);
      const text = decoder.pages.add(window.length);
      for (let done = 0; done < window.length; done += stepTokens) {
        skipped = done === 0 ? skippedTokens : 0;
        const piece = window.slice(done, done + stepTokens);
        await decoder.step([{ text, ids: piece, wanted: piece.length }]);
        onShare(loadShare + ((1 - loadShare) * (start + done + piece.length)) / ids.length);
      }
      decoder.pages.remove(text);
    }
  } finally {
    await decoder.close();
  }
  return { inputs: inputs.map((rows) => rows.statistics()), keys: keys.map((rows) => rows.statistics()) };
}

/**
 * Keeps the rows, because the spread needs the mean of all: in one array, because many small ones would leave a
 * fragmented heap to the engine.
 */
class ChannelRows {
  readonly #most: number;
  #values = new Float32Array();
  #count = 0;

  /** @param most  The largest number of rows. */
  constructor(most: number) {
    this.#most = most;
  }

  /** @param data  [rows, stride], of which the channels `first`… count. */
  add(data: Float32Array, channels: number, stride = channels, first = 0): void {
    if (this.#values.length === 0) this.#values = new Float32Array(this.#most * channels);
    for (let start = first; start < data.length; start += stride) {
      this.#values.set(data.subarray(start, start + channels), channels * this.#count);
      this.#count += 1;
    }
  }

  statistics(): ChannelStatistics {
    const width = this.#values.length / this.#most;
    const values = this.#values.subarray(0, width * this.#count);
    const mean = new Float64Array(width);
    const spread = new Float64Array(width);
    for (let row = 0; row < values.length; row += width) {
      for (let i = 0; i < width; i += 1) mean[i] = (mean[i] as number) + (values[row + i] as number) / this.#count;
    }
    for (let row = 0; row < values.length; row += width) {
      for (let i = 0; i < width; i += 1) {
        spread[i] = (spread[i] as number) + Math.abs((values[row + i] as number) - (mean[i] as number)) / this.#count;
      }
    }
    return { mean: new Float32Array(mean), spread: new Float32Array(spread) };
  }
}
