/** Terms as the index stores them: hashes of words, owners and metadata. */
import { hash } from 'node:crypto';
import { maxSearchedOccurrences, maxSearchedTerms, type Metadata, toTerms } from '@prosemill/core';

/** 13 hexadecimal digits are 52 bits, within the exact integers of JavaScript. */
const hashDigits = 13;

/** Equal strings of two kinds are two terms. */
type TermKind = 'word' | 'owner' | 'metadata';

/**
 * At most 11 digits and lower-case letters, which the tokenizers of both databases leave alone. The index holds no word
 * itself: Postgres never removes a term from a GIN index, even when no row has it any more.
 */
function encodeTerm(kind: TermKind, term: string): string {
  return Number.parseInt(hash('sha256', `${kind}\n${term}`, 'hex').slice(0, hashDigits), 16).toString(36);
}

export const encodePhrase = (terms: readonly string[]): readonly string[] =>
  terms.map((term) => encodeTerm('word', term));

export const encodeOwner = (ownerId: string): string => encodeTerm('owner', ownerId);

export const encodePair = (key: string, value: string): string => encodeTerm('metadata', JSON.stringify([key, value]));

export interface IndexedJob {
  readonly ownerId: string;
  readonly prompt: string;
  readonly completion: string;
  readonly metadata: Metadata;
}

/**
 * The terms of a job by position. Null stands for a word that has occurred too often: Postgres keeps 255 positions of a
 * term, and positions up to 16,383.
 */
export function encodeJob({ metadata, ownerId, ...texts }: IndexedJob): readonly (string | null)[] {
  const occurrences = new Map<string, number>();
  const words = termsOf(texts)
    .slice(0, maxSearchedTerms)
    .map((word) => {
      if (word === null) return null;
      const count = (occurrences.get(word) ?? 0) + 1;
      occurrences.set(word, count);
      return count > maxSearchedOccurrences ? null : encodeTerm('word', word);
    });
  const pairs = Object.entries(metadata).map(([key, value]) => encodePair(key, value));
  return [...words, encodeOwner(ownerId), ...pairs];
}

/**
 * The terms of the whole text. A completion may go on with the last word of the prompt; then those of the prompt come
 * first, and a gap that no phrase crosses.
 */
function termsOf({ prompt, completion }: Pick<IndexedJob, 'prompt' | 'completion'>): readonly (string | null)[] {
  const given = toTerms(prompt);
  const all = toTerms(prompt + completion);
  return given.every((term, index) => term === all[index]) ? all : [...given, null, ...all];
}
