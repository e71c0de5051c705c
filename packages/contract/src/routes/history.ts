/** `/history`: finished texts. */
import { z } from '@hono/zod-openapi';
import type { ExportFormat } from '@prosemill/core';
import { defineRoute } from '../policy.ts';
import { commonErrors, everyError, problemResponses, withPages } from '../problem.ts';
import { numberCursor } from '../cursor.ts';
import { pageSize, queryTime, time } from '../text.ts';
import { textFilter } from '../text-filter.ts';
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

/** A line of an export. */
export type ExportedTextBody = GenerationRecordBody & {
  job_id: string;
  seed: number;
  finish_reason: string | null;
  prompt_tokens: number | null;
  completion_tokens: number | null;
  metadata: Readonly<Record<string, string>>;
};

const exportFormats = ['jsonl', 'csv'] as const satisfies readonly ExportFormat[];

const exportQuery = z.strictObject({
  format: z.enum(exportFormats).default('jsonl').openapi({ default: 'jsonl' }),
  ...textFilter,
  created_after: queryTime.optional().openapi({ description: 'Inclusive.' }),
  created_before: queryTime.optional().openapi({ description: 'Exclusive.' }),
});

export type ExportQuery = z.infer<typeof exportQuery>;

const exportedTexts = { 'application/jsonl': { schema: z.string() }, 'text/csv': { schema: z.string() } };

export const exportHistoryRoute = defineRoute({
  method: 'get',
  path: '/history/export',
  policy: { scope: 'read' },
  operationId: 'exportHistory',
  tags: ['History'],
  summary: 'Export all finished texts, newest first',
  description:
    'A stream of any length. jsonl: an object on each line, the text as in /history with job_id, seed, finish_reason, prompt_tokens, completion_tokens and metadata of its job. csv: a line of names, then a line for each text; metadata is JSON. In csv a value that a spreadsheet would take for a formula begins with an apostrophe.',
  request: { query: exportQuery },
  responses: {
    200: {
      description: 'The texts. An answer that ends early is cut: it has no last chunk.',
      headers: headersOf(),
      content: exportedTexts,
    },
    ...problemResponses(...commonErrors),
  },
});

/** How long a download link works. */
export const exportLinkMs = 60_000;

const exportLinkSchema = z
  .strictObject({
    url: z.string().openapi({ description: 'The path of the download.' }),
    expires_at: time,
  })
  .openapi('ExportLink');

export type ExportLinkBody = z.infer<typeof exportLinkSchema>;

export const createExportLinkRoute = defineRoute({
  method: 'post',
  path: '/history/export',
  policy: { scope: 'read' },
  operationId: 'createExportLink',
  tags: ['History'],
  summary: 'Make a download link for an export',
  description:
    'For browsers, whose downloads carry no API key: whoever has the link gets the export of this query, once, ' +
    `within ${exportLinkMs / 1_000} s, and while the key of this request is valid.`,
  request: { query: exportQuery },
  responses: {
    201: {
      description: 'The link, which nobody can show again.',
      headers: headersOf(),
      content: { 'application/json': { schema: exportLinkSchema } },
    },
    ...problemResponses(...commonErrors),
  },
});

export const downloadExportRoute = defineRoute({
  method: 'get',
  path: '/history/export/{token}',
  policy: { scope: null, isPage: true },
  operationId: 'downloadExport',
  tags: ['History'],
  summary: 'Download an export by its link',
  request: { params: z.object({ token: z.string().openapi({ description: 'The end of the link.' }) }) },
  responses: {
    200: { description: 'The texts, as a file.', content: exportedTexts },
    ...withPages(problemResponses('not_found', 'rate_limited', ...everyError, 'database_unavailable', 'shutting_down')),
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
