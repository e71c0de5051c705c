import type { Tokenizer } from './tokenizer.ts';

/** What a decoder writes for bytes that are no character, or not yet one. */
const replacement = '\uFFFD';

/**
 * Token ids to text, one at a time. Never gives out half a character: a character may need the bytes of several tokens. All that `push`
 * returned plus `flush` is the decoding of all ids.
 *
 * Each step decodes only the ids since the last whole character, and the ones before it, because some tokenizers write a token
 * differently at the start of a text.
 * @see vLLM's detokenize_incrementally and text-generation-inference's decode_token, which keep the same two offsets
 */
export class Detokenizer {
  readonly #tokenizer: Pick<Tokenizer, 'decode'>;
  /** Ids whose text is out; they give the next ones their context. */
  #context: number[] = [];
  /** Ids whose text is not out yet. */
  #pending: number[] = [];

  constructor(tokenizer: Pick<Tokenizer, 'decode'>) {
    this.#tokenizer = tokenizer;
  }

  /** @returns the text that is final with this id; often '' */
  push(id: number): string {
    this.#pending.push(id);
    const text = this.#pendingText();
    if (text === '' || text.endsWith(replacement)) return '';
    this.#context = this.#pending;
    this.#pending = [];
    return text;
  }

  /** The rest, when no id follows: U+FFFD for half a character. */
  flush(): string {
    const text = this.#pendingText();
    this.#context = [];
    this.#pending = [];
    return text;
  }

  #pendingText(): string {
    const before = this.#tokenizer.decode(this.#context);
    return this.#tokenizer.decode([...this.#context, ...this.#pending]).slice(before.length);
  }
}
