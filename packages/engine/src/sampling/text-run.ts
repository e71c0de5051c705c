/** The state of one running text: all that a row of the batch needs besides the model. */
import { type GenerateRequest, resolveMaxNewTokens, type TokenUsage } from '@prosemill/core';
import { Detokenizer, type Tokenizer } from '@prosemill/tokenizer';
import { createRandom, type Random } from './random.ts';
import { chooseFromTop, chooseToken, penalizeRepetition, topCandidates } from './sampling.ts';
import { StopMatcher } from './stop-strings.ts';

export interface TextRunOptions {
  readonly request: GenerateRequest;
  readonly tokenizer: Tokenizer;
  /** The model's number of positions. */
  readonly contextLength: number;
  readonly endIds: ReadonlySet<number>;
  /** Called with each piece of final text; `completionTokens` counts from the start. */
  readonly onText: (text: string, completionTokens: number) => void;
}

export class TextRun {
  readonly promptIds: readonly number[];
  /** The limit of new tokens, at least 1. */
  readonly maxNewTokens: number;
  readonly #options: TextRunOptions;
  readonly #random: Random;
  readonly #detokenizer: Detokenizer;
  readonly #stops: StopMatcher;
  readonly #seen: Set<number>;
  #completionTokens = 0;
  #ending: 'stop' | 'length' | 'canceled' | null = null;

  /** @throws {AppError} `context_length_exceeded`: no new token fits; `invalid_request`: the prompt has no tokens */
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

  /** The reason why the run ended; null while it goes on. */
  get ending(): 'stop' | 'length' | 'canceled' | null {
    return this.#ending;
  }

  /** All tokens that the model read and wrote, including the end-of-text token. */
  get usage(): TokenUsage {
    return { promptTokens: this.promptIds.length, completionTokens: this.#completionTokens };
  }

  /**
   * Chooses the next token.
   * @param logits  Shape [vocabulary]. The repetition penalty changes them.
   */
  choose(logits: Float32Array): number {
    const { parameters } = this.#options.request;
    penalizeRepetition(logits, this.#seen, parameters.repetitionPenalty);
    return chooseToken(logits, parameters, this.#random);
  }

  /** Whether the top candidates do not suffice: the request samples from more, or the penalty may raise others. */
  get needsAllLogits(): boolean {
    const { temperature, topK, repetitionPenalty } = this.#options.request.parameters;
    return repetitionPenalty !== 1 || (temperature > 0 && (topK === 0 || topK > topCandidates));
  }

  /**
   * Chooses the next token from the likeliest ones: the same choice as {@link choose}, unless the run needs all logits.
   * @param ids     Largest logit first, among equal logits the lower id first; at least `topCandidates` ids, or the
   *   whole vocabulary.
   * @param logits  The logits of the ids.
   */
  chooseFromTop(ids: Int32Array, logits: Float32Array): number {
    const { temperature, topK, topP } = this.#options.request.parameters;
    const count = temperature === 0 ? 1 : Math.min(topK === 0 ? ids.length : topK, ids.length);
    return chooseFromTop(ids.subarray(0, count), logits.subarray(0, count), { temperature, topP }, this.#random);
  }

  /** Appends a chosen token, emits the text that it makes final, and ends the run if it is the last token. */
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

  /** Ends the run at its current token; does nothing after its end. */
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
