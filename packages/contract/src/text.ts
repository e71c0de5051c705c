/** Strings, integers and times of bodies and queries. */
import { z } from '@hono/zod-openapi';
import { countCodePoints } from '@prosemill/core';

/** For /openapi.json. No pattern for lone surrogates is understood by every reader of JSON Schema. */
export const withoutNul = String.raw`^[^\u0000]*$`;

const fits = (text: string, maxCodePoints: number): boolean =>
  text.length <= maxCodePoints || countCodePoints(text) <= maxCodePoints;

/**
 * A string of at most `maxLength` Unicode code points, without U+0000 (Postgres text refuses it) and without lone
 * surrogates (they have no UTF-8 form): every database and every tokenizer can hold it.
 */
export const textOrEmpty = (maxLength: number) =>
  z
    .string()
    .refine((value) => fits(value, maxLength), {
      error: `must have at most ${maxLength} characters (Unicode code points)`,
      abort: true,
    })
    .refine((value) => !value.includes('\u0000'), { error: 'must not contain U+0000', abort: true })
    .refine((value) => value.isWellFormed(), { error: 'must not contain a lone surrogate (half of a UTF-16 pair)' })
    .openapi({ type: 'string', maxLength, pattern: withoutNul });

/** `textOrEmpty` that must not be empty. */
export const text = (maxLength: number) =>
  textOrEmpty(maxLength)
    .refine((value) => value !== '', { error: 'must not be empty' })
    .openapi({ minLength: 1 });

/** A decimal integer in a query string, without signs, spaces or exponents. */
export const queryInteger = (minimum: number, maximum: number) =>
  z
    .string()
    .refine((value) => /^\d{1,9}$/.test(value) && Number(value) >= minimum && Number(value) <= maximum, {
      error: `must be an integer from ${minimum} to ${maximum}`,
    })
    .transform(Number)
    .openapi({ type: 'integer', minimum, maximum });

/** The body of a page of a list. */
export const pageOf = <Item extends z.ZodType>(item: Item, name: string) =>
  z.strictObject({ data: z.array(item), has_more: z.boolean(), next_cursor: z.string().nullable() }).openapi(name);

/** The length of a page in a query string. */
export const pageSize = (maximum: number, fallback: number) =>
  queryInteger(1, maximum).default(fallback).openapi({ default: fallback });

/** A name that a query may have several times, with the values of a schema. One value is a list of one. */
export const repeatable = <Value extends z.ZodType>(value: Value) =>
  z.preprocess((given) => (typeof given === 'string' ? [given] : given), z.array(value));

/** Whether a query may have the name of this schema several times: its values are then a list. */
export const isRepeatable = (schema: z.ZodType): boolean => schema.safeParse([]).success;

/** A UUID in a query string, in lower case. */
export const queryUuid = z
  .uuid({ error: 'must be a UUID' })
  .transform((id) => id.toLowerCase())
  .openapi({ type: 'string', format: 'uuid' });

/** An RFC 3339 date and time with `Z` or an offset, also in lower case. */
export const queryTime = z
  .string()
  .toUpperCase()
  .pipe(z.iso.datetime({ offset: true, error: 'must be an RFC 3339 date and time, such as 2026-01-31T12:00:00Z' }))
  .transform((value) => new Date(value))
  .openapi({ type: 'string', format: 'date-time' });

/** A time in an answer: RFC 3339, UTC, milliseconds. */
export const time = z.iso.datetime({ precision: 3 }).openapi({ example: '2026-01-31T12:00:00.000Z' });
