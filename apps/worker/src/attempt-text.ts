/** The text of a running attempt, and how much of it is in the database. */
import { type ClaimKey, countCodePoints, type TextPiece } from '@prosemill/core';

export class AttemptText {
  readonly #claim: ClaimKey;
  #completion = '';
  #completionTokens = 0;
  #limit: number | null = null;
  #written = { units: 0, codePoints: 0 };
  /** Null while nobody watches the job. */
  #onText: (() => void) | null = null;

  constructor({ id, attempt }: ClaimKey) {
    this.#claim = { id, attempt };
  }

  get id(): string {
    return this.#claim.id;
  }

  get completion(): string {
    return this.#completion;
  }

  get completionTokens(): number {
    return this.#completionTokens;
  }

  /** The most new tokens; null until the engine has begun the text. */
  get limit(): number | null {
    return this.#limit;
  }

  get isWatched(): boolean {
    return this.#onText !== null;
  }

  get hasUnwritten(): boolean {
    return this.isWatched && this.#written.units < this.#completion.length;
  }

  begin(limit: number): void {
    this.#limit = limit;
  }

  /**
   * @param text  Whole characters.
   * @param completionTokens  Those of the whole text.
   */
  add(text: string, completionTokens: number): void {
    this.#completion += text;
    this.#completionTokens = completionTokens;
    this.#onText?.();
  }

  /** @param onText  Called when there is text to write: now, for the text so far, and with all later text. */
  watch(onText: () => void): void {
    this.#onText ??= onText;
    if (this.hasUnwritten) onText();
  }

  /** The text that is not in the database. It grows until `recordWritten`, also when a write has failed. */
  unwritten(): TextPiece {
    const { units, codePoints: offset } = this.#written;
    return { ...this.#claim, offset, text: this.#completion.slice(units), tokens: this.#completionTokens };
  }

  recordWritten({ text }: TextPiece): void {
    const { units, codePoints } = this.#written;
    this.#written = { units: units + text.length, codePoints: codePoints + countCodePoints(text) };
  }
}
