/** Tells a repeated request from another one with the same idempotency key. */
import { createHash } from 'node:crypto';
import { type GenerationRequest, generationRequestSchema } from '@prosemill/contract';

type Body = Readonly<Record<string, unknown>>;

/**
 * Names that are part of the hash also with their default values, because the first hashes were of whole bodies. The list never grows: a
 * later name counts only with another value than its default, so that the hash of a body is the same in every version that knows its names.
 */
const firstNames: ReadonlySet<string> = new Set([
  'prompt',
  'temperature',
  'top_k',
  'top_p',
  'repetition_penalty',
  'stop',
]);

const requestDefaults: Body = generationRequestSchema.parse({ prompt: 'any' });

/** SHA-256, hexadecimal, of a validated body: its spelling and its route make no difference. */
export const hashRequest = (request: GenerationRequest): string => hashBody(request, requestDefaults);

/** @param defaults  The values of names that a body leaves out. */
export function hashBody(body: Body, defaults: Body): string {
  const counting = Object.entries(body).filter(
    ([name, value]) => isSet(value) && (firstNames.has(name) || canonicalJson(value) !== canonicalJson(defaults[name])),
  );
  return createHash('sha256')
    .update(canonicalJson(Object.fromEntries(counting)))
    .digest('hex');
}

/** `null` is the same as nothing. */
const isSet = (value: unknown): boolean => value !== undefined && value !== null;

/** JSON with sorted names. */
const canonicalJson = (value: unknown): string => JSON.stringify(value, (_name, each: unknown) => sortNames(each));

const sortNames = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value;
