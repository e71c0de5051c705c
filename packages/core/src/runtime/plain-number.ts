/** Numbers in variables and arguments: plain decimals only, without the other forms that `Number()` takes. */

export interface NumberRange {
  readonly min: number;
  /** Default: `Number.MAX_SAFE_INTEGER`. */
  readonly max?: number;
}

const maxShownLength = 20;

/** Parses `-0.5`. @returns null for blanks, `1e3`, `0x10`, `+5`, `1_000`, `1.`, `.5`, `007`, Infinity */
export function parseDecimal(text: string): number | null {
  if (!/^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$/.test(text)) return null;
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}

/** True for digits alone with a value in the range. */
export function isWholeNumber(text: string, { min, max = Number.MAX_SAFE_INTEGER }: NumberRange): boolean {
  const value = /^[0-9]+$/.test(text) ? parseDecimal(text) : null;
  return value !== null && value >= min && value <= max;
}

/** @param given  Shown unless it is long: then it may be a secret in the wrong variable. */
export function wholeNumberProblem({ min, max }: NumberRange, given: unknown): string {
  const range = max === undefined ? `of ${min} or more` : `from ${min} to ${max}`;
  const shown = typeof given === 'string' && given.length <= maxShownLength ? `, not ${JSON.stringify(given)}` : '';
  return `must be a whole number ${range}, in digits alone${shown}`;
}
