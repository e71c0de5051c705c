import type { Tokenizer } from './tokenizer.ts';

/** A decoder's output for bytes that are no character, or not yet one. */
const replacement = '\uFFFD';

/**
 * Token ids to text, one at a time, after a prompt. Never gives out half a character: a character may need the bytes of several tokens. All
 * that `push` returned plus `flush` is the decoding of the prompt and all ids, less the decoding of the prompt, as Hugging Face's
 * text-generation pipeline has it.
 *
 * Each step decodes only the ids since the last final text, and a few before them, because many decoders write a token differently at the
 * start of a text: without the space before it.
 * @see vLLM's detokenize_incrementally and text-generation-inference's decode_token, which keep the same two offsets
 */
export class Detokenizer {
  readonly #tokenizer: Tokenizer;
  /** Ids whose text is out, enough for the next ones to be decoded as in the whole text. */
  #context: readonly number[] = [];
  #contextText = '';
  /** Ids whose text is not out yet. */
  #pending: number[] = [];

  constructor(tokenizer: Tokenizer, promptIds: readonly number[] = []) {
    this.#tokenizer = tokenizer;
    this.#moveContext(promptIds.filter((id) => tokenizer.kindOf(id) !== 'hidden'));
  }

  /** @returns the text that is final with this id; often '' */
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

  /** The rest, when no id follows: U+FFFD for half a character. */
  flush(): string {
    const text = this.#pendingText();
    this.#moveContext([...this.#context, ...this.#pending]);
    this.#pending = [];
    return text;
  }

  /** The prompt may end with half a character that the completion completes: as in Hugging Face's pipeline, as many characters are taken off. */
  #pendingText(): string {
    const before = this.#contextText;
    const all = this.#tokenizer.decode([...this.#context, ...this.#pending]);
    return all.startsWith(before)
      ? all.slice(before.length)
      : Array.from(all).slice(Array.from(before).length).join('');
  }

  /**
   * Keeps the shortest end of these ids that has a text, so that a decoder has taken off the start of the text all that it takes off, and
   * that does not begin within a character.
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
