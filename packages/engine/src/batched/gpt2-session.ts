/** The graph on onnxruntime: one call is one step over some rows. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { topCandidates } from '../sampling/sampling.ts';
import type { Gpt2Shape } from './gpt2-weights.ts';
import { inputNames, maskName, newNames, outputNames, pastNames } from './gpt2-graph.ts';

/** B rows of S positions; N = B·S. */
export interface StepInput {
  /** Shape [N]. */
  readonly ids: Int32Array;
  /** Shape [N]. */
  readonly positions: Int32Array;
  /** Shape [L]: those of the N whose next token is asked for; in generation each row's last. */
  readonly wanted: Int32Array;
  /** The rows stand lane by lane; one for each of the model's lanes. */
  readonly lanes: readonly LaneInput[];
  /** Give the logits of the whole vocabulary too: a copy of L·V numbers. */
  readonly withLogits: boolean;
}

/** b of the B rows. */
export interface LaneInput {
  readonly rows: number;
  /** T. */
  readonly pastLength: number;
  /** Shape [b, 1, S, S+T]: 0 where a position is seen, −∞ where not; the new positions come first. */
  readonly mask: Float32Array;
  /** For each layer: keys, values, shape [b, H, T, D]. */
  readonly past: (layer: number) => readonly [Float32Array, Float32Array];
}

export interface StepOutput {
  /** For each layer: keys, values, shape [B, H, S, D]. */
  readonly newRows: readonly (readonly [Float32Array, Float32Array])[];
  /** Shape [L, topCount], largest first; of the same value the lower id first. */
  readonly topValues: Float32Array;
  readonly topIds: Int32Array;
  /** `topCandidates`, or the vocabulary if that is smaller. */
  readonly topCount: number;
  /** Shape [L, V]; null unless asked for. */
  readonly logits: Float32Array | null;
}

export class Gpt2Session {
  readonly #session: InferenceSession;
  readonly #shape: Gpt2Shape;
  readonly #fetches: readonly string[];
  readonly #fetchesWithLogits: readonly string[];

  private constructor(session: InferenceSession, shape: Gpt2Shape) {
    this.#session = session;
    this.#shape = shape;
    const kept = Array.from({ length: shape.layers }, (_, layer) => newNames(layer)).flat();
    this.#fetches = [...kept, outputNames.topValues, outputNames.topIds];
    const all = [...this.#fetches, outputNames.logits, outputNames.logitScales];
    this.#fetchesWithLogits = all.filter((name) => session.outputNames.includes(name));
  }

  /**
   * @param graph    An .onnx file, or its bytes.
   * @param threads  Of the one thread pool; the calling thread is one of them.
   */
  static async create(graph: string | Uint8Array, shape: Gpt2Shape, threads: number): Promise<Gpt2Session> {
    const options: InferenceSession.SessionOptions = {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
    };
    const session = await (typeof graph === 'string'
      ? InferenceSession.create(graph, options)
      : InferenceSession.create(graph, options));
    return new Gpt2Session(session, shape);
  }

  async run({ ids, positions, wanted, lanes, withLogits }: StepInput): Promise<StepOutput> {
    const { heads, width, layers, vocabulary } = this.#shape;
    const rows = lanes.reduce((sum, lane) => sum + lane.rows, 0);
    const steps = ids.length / rows;
    const feeds: Record<string, Tensor> = {
      [inputNames.ids]: new Tensor('int32', ids, [ids.length]),
      [inputNames.position]: new Tensor('int32', positions, [positions.length]),
      [inputNames.wanted]: new Tensor('int32', wanted, [wanted.length]),
      [inputNames.laneRows]: new Tensor(
        'int64',
        BigInt64Array.from(lanes, (lane) => BigInt(lane.rows)),
        [lanes.length],
      ),
    };
    for (const [index, lane] of lanes.entries()) {
      feeds[maskName(index)] = new Tensor('float32', lane.mask, [lane.rows, 1, steps, steps + lane.pastLength]);
      const dims = [lane.rows, heads, lane.pastLength, width / heads];
      for (let layer = 0; layer < layers; layer += 1) {
        const [keyName, valueName] = pastNames(layer, index);
        const [keys, values] = lane.past(layer);
        feeds[keyName] = new Tensor('float32', keys, dims);
        feeds[valueName] = new Tensor('float32', values, dims);
      }
    }
    const fetches = withLogits ? this.#fetchesWithLogits : this.#fetches;
    const results = await this.#session.run(feeds, fetches);
    const floats = (name: string): Float32Array => results[name]?.data as Float32Array;
    return {
      newRows: Array.from({ length: layers }, (_, layer) => {
        const [keyName, valueName] = newNames(layer);
        return [floats(keyName), floats(valueName)] as const;
      }),
      topValues: floats(outputNames.topValues),
      topIds: results[outputNames.topIds]?.data as Int32Array,
      topCount: Math.min(topCandidates, vocabulary),
      logits: withLogits ? scaled(floats(outputNames.logits), results[outputNames.logitScales]) : null,
    };
  }
}

/** Each row of logits times its scale, in place. */
function scaled(logits: Float32Array, scales: Tensor | undefined): Float32Array {
  if (scales === undefined) return logits;
  const vocabulary = logits.length / scales.data.length;
  for (const [row, scale] of (scales.data as Float32Array).entries()) {
    for (let id = row * vocabulary; id < (row + 1) * vocabulary; id += 1) logits[id] = (logits[id] ?? 0) * scale;
  }
  return logits;
}
