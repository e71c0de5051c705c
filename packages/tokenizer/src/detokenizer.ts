import type { Tokenizer } from './tokenizer.ts';

/** A decoder's output for bytes that form no character, or only the beginning of one. */
const replacement = '\uFFFD';

/**
 * Converts the token ids after a prompt to text, one at a time. Never emits half a character: a character may need the
 * bytes of several tokens. The results of all `push` calls and of `flush` together are the decoded prompt and ids
 * without the decoded prompt, as in Hugging Face's text-generation pipeline.
 * Each step decodes only the ids since the last final text and a few ids before them. These are needed because many
 * decoders omit a token's leading space at the start of a text.
 * @see vLLM's detokenize_incrementally and text-generation-inference's decode_token, which keep the same two offsets
 */
export class Detokenizer {
  readonly #tokenizer: Tokenizer;
  /** Ids whose text was emitted. Decoded behind them, the next ids give the same text as within all ids. */
  #context: readonly number[] = [];
  #contextText = '';
  /** Ids whose text was not emitted. */
  #pending: number[] = [];

  constructor(tokenizer: Tokenizer, promptIds: readonly number[] = []) {
    this.#tokenizer = tokenizer;
    this.#pending = promptIds.filter((id) => tokenizer.kindOf(id) !== 'hidden');
    this.#movePending();
  }

  /** @returns the text that this id makes final; often '' */
  push(id: number): string {
    const kind = this.#tokenizer.kindOf(id);
    if (kind === 'hidden') return '';
    this.#pending.push(id);
    if (kind === 'open') return '';
    const text = this.#pendingText();
    if (text === '' || text.endsWith(replacement)) return '';
    this.#movePending();
    return text;
  }

  /** Returns the remaining text, with U+FFFD for half a character. Call it when no id follows. */
  flush(): string {
    const text = this.#pendingText();
    this.#movePending();
    return text;
  }

  /** Decodes all ids and cuts off as many characters as the context has. Hugging Face's pipeline does the same. */
  #pendingText(): string {
    const before = this.#contextText;
    const all = this.#tokenizer.decode([...this.#context, ...this.#pending]);
    return all.startsWith(before)
      ? all.slice(before.length)
      : Array.from(all).slice(Array.from(before).length).join('');
  }

  /**
   * Moves the pending ids into the context, and shortens it to a suffix that has a text and does not begin within a
   * character: with text before them, the next ids are not at the start, where decoders trim.
   */
  #movePending(): void {
    const ids = [...this.#context, ...this.#pending];
    this.#pending = [];
    for (let length = 1; length < ids.length; length *= 2) {
      const suffix = ids.slice(-length);
      const text = this.#tokenizer.kindOf(suffix[0] ?? 0) === 'open' ? '' : this.#tokenizer.decode(suffix);
      if (text === '' || text.startsWith(replacement)) continue;
      this.#context = suffix;
      this.#contextText = text;
      return;
    }
    this.#context = ids;
    this.#contextText = this.#tokenizer.decode(ids);
  }
}
