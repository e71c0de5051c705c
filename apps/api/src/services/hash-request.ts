/** What tells a repeated request from another one with the same idempotency key. */
import { createHash } from 'node:crypto';
import type { GenerationRequest } from '@prosemill/contract';

/** SHA-256, hexadecimal, of a validated body with its defaults: how it was written, and on which route it came, make no difference. */
export const hashRequest = (request: GenerationRequest): string =>
  createHash('sha256').update(canonicalJson(request)).digest('hex');

/** JSON with sorted names; what is undefined is absent. */
const canonicalJson = (body: object): string => JSON.stringify(body, (_name, value: unknown) => sortNames(value));

const sortNames = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value;
