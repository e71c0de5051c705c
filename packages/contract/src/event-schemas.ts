/** Schemas that only the JSON in events refers to: the generator of /openapi.json finds just those of routes. */
import { jobChangesSchema, liveJobSchema, liveResetSchema, liveTokenSchema } from './live-events.ts';
import { streamResetSchema, streamTokenSchema } from './stream-events.ts';
import { completionChunkSchema } from './v1/completions.ts';

export const eventSchemas = {
  StreamToken: streamTokenSchema,
  StreamReset: streamResetSchema,
  LiveJob: liveJobSchema,
  LiveToken: liveTokenSchema,
  LiveReset: liveResetSchema,
  JobChanges: jobChangesSchema,
  CompletionChunk: completionChunkSchema,
} as const;
