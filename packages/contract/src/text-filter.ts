/** The names of a query that filter jobs by their words and their metadata. */
import { z } from '@hono/zod-openapi';
import { repeatable, text } from './text.ts';

const maxSearchLength = 500;
const maxPairs = 16;

const pair = z
  .string()
  .regex(/^[^:]+:/, { error: 'must be a key and a value with a colon between them, such as customer:4711' })
  .transform((value): readonly [string, string] => {
    const colon = value.indexOf(':');
    return [value.slice(0, colon), value.slice(colon + 1)];
  });

export const textFilter = {
  q: text(maxSearchLength).optional().openapi({
    description:
      'Words that the prompt or the text has, all of them; "words in quotes" one after another. Case and accents do not count.',
    example: 'old king',
  }),
  metadata: repeatable(pair)
    .refine((pairs) => pairs.length <= maxPairs, { error: `must be there at most ${maxPairs} times` })
    .optional()
    .openapi({
      type: 'array',
      items: { type: 'string' },
      maxItems: maxPairs,
      description: 'key:value. May be repeated: jobs that have all of these pairs. The key ends at the first colon.',
      example: ['customer:4711'],
    }),
};
