/** The place of one reader in the text of a job. The text may grow, and another attempt may replace it. */
import { crc32 } from 'node:zlib';
import type { StreamPosition } from '@prosemill/contract';
import { countCodePoints, unitsOf } from '@prosemill/core';

/** A completion so far. It only grows: each attempt, and the text of a job that ended, is an object of its own. */
export interface JobText {
  readonly text: string;
  /** Code points. */
  readonly length: number;
  /** New tokens. */
  readonly tokens: number;
}

export type TextStep = { readonly type: 'text'; readonly text: string } | { readonly type: 'reset' };

export class TextPlace {
  #position: StreamPosition;
  /** The text that is known to continue that of the reader. */
  #source: JobText | null = null;
  /** The UTF-16 units of the source up to the position. */
  #units = 0;

  constructor(position: StreamPosition) {
    this.#position = position;
  }

  get position(): StreamPosition {
    return this.#position;
  }

  /**
   * Moves the place to the end of the text, or to its beginning where it does not continue that of the reader.
   * @param isWhole  The text does not grow any more.
   * @returns null when the reader has all of it, or it may still become a continuation
   */
  advance(source: JobText, isWhole: boolean): TextStep | null {
    if (source !== this.#source) {
      if (source.length < this.#position.offset && !isWhole) return null;
      const continues = this.#findIn(source);
      this.#source = source;
      if (!continues) return { type: 'reset' };
    }
    const text = source.text.slice(this.#units);
    if (text === '') return null;
    const { offset, checksum } = this.#position;
    this.#units = source.text.length;
    this.#position = { offset: offset + countCodePoints(text), checksum: crc32(text, checksum ?? 0) };
    return { type: 'text', text };
  }

  /** @returns false when the place is lost, and the beginning of the text is the place now */
  #findIn({ text, length }: JobText): boolean {
    const { offset, checksum } = this.#position;
    const units = unitsOf(text, offset);
    const actual = crc32(text.slice(0, units));
    const isFound = length >= offset && (checksum === null || checksum === actual);
    this.#units = isFound ? units : 0;
    this.#position = isFound ? { offset, checksum: actual } : { offset: 0, checksum: 0 };
    return isFound;
  }
}
