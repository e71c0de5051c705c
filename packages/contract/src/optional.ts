/** Body fields that may be absent. Null counts as absent: many generated clients send null for an unset field. */
import type { z } from '@hono/zod-openapi';

/** @returns a schema whose output is undefined where the field is absent or null */
export const optional = <Schema extends z.ZodType>(schema: Schema) =>
  schema
    .nullable()
    .transform((value) => value ?? undefined)
    .optional();

/** @returns a schema whose output is `fallback` where the field is absent or null */
export const withDefault = <Schema extends z.ZodType>(schema: Schema, fallback: z.output<Schema>) =>
  schema
    .nullish()
    .transform((value) => value ?? fallback)
    .openapi({ default: fallback });
