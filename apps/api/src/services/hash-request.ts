/** Tells a repeated request from another one with the same idempotency key. */
import { createHash } from 'node:crypto';
import { defaultSamplingParameters, defaultTerms, type JobRequest } from '@prosemill/core';

type Values = Readonly<Record<string, unknown>>;

/**
 * Names that are hashed even with their default values, because the first version hashed whole bodies. The list never
 * grows. A newer name is hashed only with a value that is not its default, so a request has the same hash in every
 * version that knows its names.
 */
const firstNames: ReadonlySet<string> = new Set(['prompt', 'temperature', 'topK', 'topP', 'repetitionPenalty', 'stop']);

/** SHA-256, hexadecimal. The spelling of the body, the route, and a wish for a stream make no difference. */
export function hashRequest({ request: { prompt, parameters, seed }, terms }: JobRequest): string {
  const { isWatched: _, ...told } = terms;
  return hashValues({ prompt, ...parameters, seed, ...told }, { ...defaultSamplingParameters, ...defaultTerms });
}

/** The hash of one request, or of a list of them. */
export function hashRequests(requests: readonly JobRequest[]): string {
  const hashes = requests.map(hashRequest);
  const [first, ...others] = hashes;
  if (first !== undefined && others.length === 0) return first;
  return createHash('sha256').update(canonicalJson(hashes)).digest('hex');
}

/** @param defaults  The values of names that a request leaves out. */
export function hashValues(values: Values, defaults: Values): string {
  const counting = Object.entries(values).filter(
    ([name, value]) =>
      value != null && (firstNames.has(name) || canonicalJson(value) !== canonicalJson(defaults[name])),
  );
  const hashed = Object.fromEntries(counting.map(([name, value]) => [bodyName(name), value]));
  return createHash('sha256').update(canonicalJson(hashed)).digest('hex');
}

/** `topK` → `top_k`: the hash is made of the names in bodies. */
const bodyName = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** JSON with sorted names. */
const canonicalJson = (value: unknown): string => JSON.stringify(value, (_name, each: unknown) => sortNames(each));

const sortNames = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value;
