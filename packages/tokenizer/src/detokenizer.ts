import type { Tokenizer } from './tokenizer.ts';

/** A decoder's output for bytes that are not a character, or not yet. */
const replacement = '\uFFFD';

/**
 * Converts the token ids after a prompt to text, one at a time. Never emits half a character: a character may need the
 * bytes of several tokens. The results of all `push` calls and of `flush` together are the decoding of the prompt and
 * all ids, minus the decoding of the prompt, as in Hugging Face's text-generation pipeline.
 * Each step decodes only the ids since the last final text and a few ids before them. These are needed because many
 * decoders omit a token's leading space at the start of a text.
 * @see vLLM's detokenize_incrementally and text-generation-inference's decode_token, which keep the same two offsets
 */
export class Detokenizer {
  readonly #tokenizer: Tokenizer;
  /** Ids whose text was emitted: as many as the next ids need to be decoded like in the whole text. */
  #context: readonly number[] = [];
  #contextText = '';
  /** Ids whose text was not emitted yet. */
  #pending: number[] = [];

  constructor(tokenizer: Tokenizer, promptIds: readonly number[] = []) {
    this.#tokenizer = tokenizer;
    this.#moveContext(promptIds.filter((id) => tokenizer.kindOf(id) !== 'hidden'));
  }

  /** @returns the text that this id makes final; often '' */
  push(id: number): string {
    const kind = this.#tokenizer.kindOf(id);
    if (kind === 'hidden') return '';
    this.#pending.push(id);
    if (kind === 'open') return '';
    const text = this.#pendingText();
    if (text === '' || text.endsWith(replacement)) return '';
    this.#moveContext([...this.#context, ...this.#pending]);
    this.#pending = [];
    return text;
  }

  /** Returns the remaining text when no id follows, with U+FFFD for half a character. */
  flush(): string {
    const text = this.#pendingText();
    this.#moveContext([...this.#context, ...this.#pending]);
    this.#pending = [];
    return text;
  }

  /** The text of the pending ids: all characters beyond as many as the context has, like in Hugging Face's pipeline. */
  #pendingText(): string {
    const before = this.#contextText;
    const all = this.#tokenizer.decode([...this.#context, ...this.#pending]);
    return all.startsWith(before)
      ? all.slice(before.length)
      : Array.from(all).slice(Array.from(before).length).join('');
  }

  /**
   * Keeps the shortest end of these ids that has a text and does not begin within a character. With a text before them,
   * the next ids are not at the start, where decoders trim.
   */
  #moveContext(ids: readonly number[]): void {
    for (let length = 1; length < ids.length; length *= 2) {
      const end = ids.slice(-length);
      const text = this.#tokenizer.kindOf(end[0] ?? 0) === 'open' ? '' : this.#tokenizer.decode(end);
      if (text === '' || text.startsWith(replacement)) continue;
      this.#context = end;
      this.#contextText = text;
      return;
    }
    this.#context = ids;
    this.#contextText = this.#tokenizer.decode(ids);
  }
}
