/** Numbers as people write them in variables and arguments: plain decimals, and nothing else that `Number()` would take. */

export interface NumberRange {
  readonly min: number;
  /** Default: the largest number that doubles count by. */
  readonly max?: number;
}

const maxShownLength = 20;

/** A decimal such as `-0.5`. @returns null for anything else: blanks, `1e3`, `0x10`, `+5`, `1_000`, `1.`, `.5`, `007`, Infinity */
export function parseDecimal(text: string): number | null {
  if (!/^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$/.test(text)) return null;
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}

/** Digits alone, and in range. */
export function isWholeNumber(text: string, { min, max = Number.MAX_SAFE_INTEGER }: NumberRange): boolean {
  const value = /^[0-9]+$/.test(text) ? parseDecimal(text) : null;
  return value !== null && value >= min && value <= max;
}

/** @param given  The text, which is shown unless it is so long that it may be something else, such as a secret. */
export function wholeNumberProblem({ min, max }: NumberRange, given: unknown): string {
  const range = max === undefined ? `of ${min} or more` : `from ${min} to ${max}`;
  const shown = typeof given === 'string' && given.length <= maxShownLength ? `, not ${JSON.stringify(given)}` : '';
  return `must be a whole number ${range}, in digits alone${shown}`;
}
