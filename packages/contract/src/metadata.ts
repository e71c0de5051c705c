/** Pairs of strings that a client keeps with its job. */
import { z } from '@hono/zod-openapi';
import { text, textOrEmpty, withoutNul } from './text.ts';

const maxPairs = 16;
const maxKeyLength = 64;
const maxValueLength = 512;

/** A keyword of JSON Schema that the types of zod-to-openapi lack. */
const keyNames = {
  propertyNames: { minLength: 1, maxLength: maxKeyLength, pattern: withoutNul, not: { const: '__proto__' } },
};

/** Zod drops a key named `__proto__`, because the objects that it makes cannot hold one. */
const hasNoPrototype = (value: unknown): boolean =>
  typeof value !== 'object' || value === null || !Object.hasOwn(value, '__proto__');

export const metadataSchema = z
  .unknown()
  .refine(hasNoPrototype, { path: ['__proto__'], error: 'is not allowed as a key', abort: true })
  .pipe(
    z
      .record(text(maxKeyLength), textOrEmpty(maxValueLength))
      .refine((pairs) => Object.keys(pairs).length <= maxPairs, { error: `must have at most ${maxPairs} pairs` }),
  )
  .openapi({
    // Every optional field of a request may be null.
    type: ['object', 'null'],
    maxProperties: maxPairs,
    ...keyNames,
    additionalProperties: { type: 'string', maxLength: maxValueLength, pattern: withoutNul },
    description: 'Strings of the client, which every answer about the job shows.',
    example: { customer: '4711' },
  });
