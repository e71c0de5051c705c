/** `/history`: finished texts. */
import { z } from '@hono/zod-openapi';
import { defineRoute } from '../policy.ts';
import { commonErrors, problemResponses } from '../problem.ts';
import { numberCursor } from '../cursor.ts';
import { pageSize, time } from '../text.ts';
import { headersOf } from './headers.ts';

export const generationRecordSchema = z
  .strictObject({
    id: z.int(),
    prompt: z.string(),
    generated_text: z.string(),
    model_name: z.string(),
    created_at: time,
  })
  .openapi('GenerationRecord');

export type GenerationRecordBody = z.infer<typeof generationRecordSchema>;

export const listHistoryRoute = defineRoute({
  method: 'get',
  path: '/history',
  policy: { scope: 'read' },
  operationId: 'listHistory',
  tags: ['History'],
  summary: 'List finished texts, newest first',
  request: {
    query: z.strictObject({
      limit: pageSize(1000, 100),
      cursor: numberCursor.optional().openapi({ description: 'From the Link header of the page before.' }),
    }),
  },
  responses: {
    200: {
      description: 'A page of texts.',
      headers: headersOf('link'),
      content: { 'application/json': { schema: z.array(generationRecordSchema) } },
    },
    ...problemResponses(...commonErrors),
  },
});

export const getHistoryRoute = defineRoute({
  method: 'get',
  path: '/history/{id}',
  policy: { scope: 'read' },
  operationId: 'getHistory',
  tags: ['History'],
  summary: 'Get a finished text',
  request: {
    params: z.object({
      id: z.string().openapi({ type: 'integer', minimum: 1, description: 'The id of a text.', example: 1 }),
    }),
  },
  responses: {
    200: {
      description: 'The text.',
      headers: headersOf(),
      content: { 'application/json': { schema: generationRecordSchema } },
    },
    ...problemResponses('not_found', ...commonErrors),
  },
});
