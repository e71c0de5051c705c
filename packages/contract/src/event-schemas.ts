/** Schemas of the document to which only the JSON in events refers. The generator finds schemas in routes only. */
import { streamResetSchema, streamTokenSchema } from './stream-events.ts';
import { completionChunkSchema } from './v1/completions.ts';

export const eventSchemas = {
  StreamToken: streamTokenSchema,
  StreamReset: streamResetSchema,
  CompletionChunk: completionChunkSchema,
} as const;
