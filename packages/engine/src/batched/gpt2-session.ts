/** Runs the graph on onnxruntime: one call is one step. */
import { InferenceSession, type Tensor } from 'onnxruntime-node';
import { topCandidates } from '../sampling/sampling.ts';
import { newNames, outputNames, promptNames } from './graph-names.ts';
import type { Gpt2Shape } from './gpt2-config.ts';
import { type KeysValues, StepFeeds, type StepInput, type StepOutput } from './step.ts';

type KeysValuesNames = ReturnType<typeof newNames>;

export class Gpt2Session {
  readonly #session: InferenceSession;
  readonly #shape: Gpt2Shape;
  readonly #feeds: StepFeeds;
  /** Names of the outputs for rows, prompts and logits. A step fetches only the outputs that it needs. */
  readonly #newNames: readonly KeysValuesNames[];
  readonly #promptNames: readonly KeysValuesNames[];
  readonly #logitNames: readonly string[];

  private constructor(session: InferenceSession, shape: Gpt2Shape) {
    this.#session = session;
    this.#shape = shape;
    this.#feeds = new StepFeeds(shape);
    const layers = Array.from({ length: shape.layers }, (_, layer) => layer);
    this.#newNames = layers.map(newNames);
    this.#promptNames = layers.map(promptNames);
    // An fp32 graph has no scales.
    this.#logitNames = [outputNames.logits, outputNames.logitScales].filter((name) =>
      session.outputNames.includes(name),
    );
  }

  /**
   * @param graph    An .onnx file, or its bytes.
   * @param threads  The size of the session's only thread pool, including the calling thread.
   */
  static async create(graph: string | Uint8Array, shape: Gpt2Shape, threads: number): Promise<Gpt2Session> {
    const options = sessionOptions(threads);
    const session = await (typeof graph === 'string'
      ? InferenceSession.create(graph, options)
      : InferenceSession.create(graph, options));
    return new Gpt2Session(session, shape);
  }

  /** Computes on the calling thread and blocks it. */
  async run(input: StepInput): Promise<StepOutput> {
    const { withLogits, prompts, wanted } = input;
    const newRows = input.ids.length > prompts.count * prompts.length ? this.#newNames : [];
    const newPrompts = prompts.count > 0 ? this.#promptNames : [];
    const fetches = [
      outputNames.topValues,
      outputNames.topIds,
      ...newRows.flat(),
      ...newPrompts.flat(),
      ...(withLogits ? this.#logitNames : []),
    ];
    const results = await this.#session.run(this.#feeds.of(input), fetches);
    const floats = (name: string): Float32Array => results[name]?.data as Float32Array;
    const read = ([keyName, valueName]: KeysValuesNames): KeysValues => [floats(keyName), floats(valueName)];
    return {
      newRows: newRows.map(read),
      newPrompts: newPrompts.map(read),
      topValues: floats(outputNames.topValues),
      topIds: results[outputNames.topIds]?.data as Int32Array,
      topCount: Math.min(topCandidates, this.#shape.vocabulary),
      logits: withLogits ? scaled(floats(outputNames.logits), results[outputNames.logitScales], wanted.length) : null,
    };
  }
}

export const sessionOptions = (threads: number): InferenceSession.SessionOptions => ({
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  // A higher level would fuse additions and norms into SkipLayerNormalization, which is slower.
  graphOptimizationLevel: 'basic',
});

/** Multiplies each row of logits by its scale, in place. */
function scaled(logits: Float32Array, scales: Tensor | undefined, rows: number): Float32Array {
  if (scales === undefined) return logits;
  const vocabulary = logits.length / rows;
  for (const [row, scale] of (scales.data as Float32Array).entries()) {
    for (let id = row * vocabulary; id < (row + 1) * vocabulary; id += 1) logits[id] = (logits[id] ?? 0) * scale;
  }
  return logits;
}
