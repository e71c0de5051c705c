/** The fields of a request, as the form shows them: names, ranges and a sentence for each. */
import type { ServiceIndex } from '@prosemill/contract';

export type NumberName = 'max_new_tokens' | 'temperature' | 'top_k' | 'top_p' | 'repetition_penalty';

export interface NumberField {
  readonly name: NumberName;
  readonly label: string;
  /** The step of the slider; the field takes any number. */
  readonly step: number;
  readonly help: string;
}

/** The values of a parameter, as JSON Schema says it. */
export type Range = ServiceIndex['limits']['parameters'][string];

/** Defaults of the page where the service has none. */
export const defaultNewTokens = 100;

export const numberFields: readonly NumberField[] = [
  {
    name: 'max_new_tokens',
    label: 'New tokens',
    step: 1,
    help: 'The most that is written. A token is about three quarters of a word.',
  },
  {
    name: 'temperature',
    label: 'Temperature',
    step: 0.1,
    help: '0 always takes the likeliest token; more is bolder.',
  },
  {
    name: 'top_k',
    label: 'Top k',
    step: 1,
    help: 'Only the k likeliest tokens come into question; 0: all.',
  },
  {
    name: 'top_p',
    label: 'Top p',
    step: 0.01,
    help: 'Only the likeliest tokens that have this probability together; 1: all.',
  },
  {
    name: 'repetition_penalty',
    label: 'Repetition penalty',
    step: 0.1,
    help: 'Above 1, tokens that have occurred become less likely.',
  },
];

/** The range of a parameter; undefined: not known yet. That of new tokens is the room that the model has. */
export function rangeOf(name: NumberName | 'seed', limits: ServiceIndex['limits'] | undefined): Range | undefined {
  if (name !== 'max_new_tokens') return limits?.parameters[name];
  const room = limits?.context_tokens ?? null;
  return room === null ? undefined : { type: 'integer', minimum: 1, maximum: room };
}

/** @returns the end of a sentence that says what is wrong with an input; null: nothing, as far as is known */
export function wrongNumber(input: string, range: Range | undefined): string | null {
  const value = Number(input);
  if (input.trim() === '' || Number.isNaN(value)) return 'must be a number';
  if (range === undefined) return null;
  const { type, minimum = -Infinity, exclusiveMinimum = -Infinity, maximum } = range;
  if (type === 'integer' && !Number.isInteger(value)) return 'must be a whole number';
  if (value <= exclusiveMinimum) return `must be above ${exclusiveMinimum}`;
  return value < minimum || value > maximum ? `must be from ${minimum} to ${maximum}` : null;
}
