/** One text on its way: what a row of the model's batch needs besides the model. */
import { type GenerateRequest, resolveMaxNewTokens, type TokenUsage } from '@prosemill/core';
import { Detokenizer, type Tokenizer } from '@prosemill/tokenizer';
import { createRandom, type Random } from './random.ts';
import { chooseFromTop, chooseToken, penalizeRepetition, topCandidates } from './sampling.ts';
import { StopMatcher } from './stop-strings.ts';

export interface TextRunOptions {
  readonly request: GenerateRequest;
  readonly tokenizer: Tokenizer;
  /** Positions of the model. */
  readonly contextLength: number;
  /** Tokens that end a text. */
  readonly endIds: ReadonlySet<number>;
  /** Takes text that is final; `completionTokens` counts from the start. */
  readonly onText: (text: string, completionTokens: number) => void;
}

export class TextRun {
  readonly promptIds: readonly number[];
  /** At least 1. */
  readonly maxNewTokens: number;
  readonly #options: TextRunOptions;
  readonly #random: Random;
  readonly #detokenizer: Detokenizer;
  readonly #stops: StopMatcher;
  readonly #seen: Set<number>;
  #completionTokens = 0;
  #ending: 'stop' | 'length' | 'canceled' | null = null;

  /** @throws {AppError} `context_length_exceeded` when not even one new token fits; `invalid_request` when the prompt has no tokens of the model */
  constructor(options: TextRunOptions) {
    const { request, tokenizer, contextLength } = options;
    this.#options = options;
    this.promptIds = tokenizer.encode(request.prompt);
    this.maxNewTokens = resolveMaxNewTokens({
      promptTokens: this.promptIds.length,
      contextLength,
      parameters: request.parameters,
    });
    this.#random = createRandom(request.seed);
    this.#detokenizer = new Detokenizer(tokenizer, this.promptIds);
    this.#stops = new StopMatcher(request.parameters.stop);
    this.#seen = new Set(this.promptIds);
  }

  /** Null while it goes on. */
  get ending(): 'stop' | 'length' | 'canceled' | null {
    return this.#ending;
  }

  /** Every token that the model was given or gave, the end of text included. */
  get usage(): TokenUsage {
    return { promptTokens: this.promptIds.length, completionTokens: this.#completionTokens };
  }

  /**
   * Chooses the next token.
   * @param logits  Shape [vocabulary]; changed by the repetition penalty.
   */
  choose(logits: Float32Array): number {
    const { parameters } = this.#options.request;
    penalizeRepetition(logits, this.#seen, parameters.repetitionPenalty);
    return chooseToken(logits, parameters, this.#random);
  }

  /** The top candidates are not enough: more than they are asked for, or the penalty may bring others up. */
  get needsAllLogits(): boolean {
    const { temperature, topK, repetitionPenalty } = this.#options.request.parameters;
    return repetitionPenalty !== 1 || (temperature > 0 && (topK === 0 || topK > topCandidates));
  }

  /**
   * Chooses the next token from the likeliest ones; the same choice as {@link choose} where that is enough.
   * @param ids     Largest logit first, lower id first of the same; at least `topCandidates`, or the whole vocabulary.
   * @param logits  Of those ids.
   */
  chooseFromTop(ids: Int32Array, logits: Float32Array): number {
    const { temperature, topK, topP } = this.#options.request.parameters;
    const count = temperature === 0 ? 1 : Math.min(topK === 0 ? ids.length : topK, ids.length);
    return chooseFromTop(ids.subarray(0, count), logits.subarray(0, count), { temperature, topP }, this.#random);
  }

  /** Takes a chosen token, tells the text that it makes final, and ends the run if it is the last. */
  append(id: number): void {
    this.#completionTokens += 1;
    this.#seen.add(id);
    if (this.#options.endIds.has(id)) {
      this.#end('stop');
      return;
    }
    this.#take(this.#detokenizer.push(id));
    if (this.#ending === null && this.#completionTokens >= this.maxNewTokens) this.#end('length');
  }

  /** Ends the run where it is; does nothing after its end. */
  cancel(): void {
    if (this.#ending === null) this.#end('canceled');
  }

  #end(ending: 'stop' | 'length' | 'canceled'): void {
    this.#take(this.#detokenizer.flush());
    if (this.#ending !== null) return;
    this.#emit(this.#stops.flush());
    this.#ending = ending;
  }

  #take(text: string): void {
    const match = this.#stops.push(text);
    this.#emit(match.text);
    if (match.isStopped) this.#ending = 'stop';
  }

  #emit(text: string): void {
    if (text !== '') this.#options.onText(text, this.#completionTokens);
  }
}
