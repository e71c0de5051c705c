/** The events of a stream, and their presenters. */
import { z } from '@hono/zod-openapi';
import type { Job } from '@prosemill/core';
import type { JobBody } from './job.ts';
import { jsonText } from './json-text.ts';
import { type JobView, presentJob } from './present-job.ts';
import type { Problem } from './problem.ts';
import { presentPosition, type StreamPosition } from './stream-position.ts';
import { time } from './text.ts';

export const streamTokenSchema = z
  .strictObject({
    text: z.string().openapi({ description: 'Follows the text of the events before it; the prompt is no part of it.' }),
    tokens: z.int().openapi({ description: 'New tokens so far, those of this text included.' }),
    now: time.openapi({ description: 'When the event was sent.' }),
  })
  .openapi('StreamToken');

/** `rerun`: the job ran again, and its text differs. `unknown_position`: the text never began like the client's. */
const resetReasons = ['rerun', 'unknown_position'] as const;

export const streamResetSchema = z
  .strictObject({ version: z.int(), reason: z.enum(resetReasons) })
  .openapi('StreamReset', { description: 'The client empties its text. The next tokens begin anew.' });

const id = z.string().openapi({
  description: 'Last-Event-ID or `after` of a request that goes on behind this event.',
  example: '3-120-9ae0daaf',
});

const retry = z.int().min(0).optional().openapi({
  description: 'Milliseconds that a client waits before it connects again after a broken connection.',
});

const event = (type: StreamEventType, schemaName: string, description: string) =>
  z.strictObject({ event: z.literal(type), id, data: jsonText(schemaName) }).openapi({ description });

/** For /openapi.json: an event as its readers see it. */
const streamEventSchema = z
  .discriminatedUnion('event', [
    event('status', 'Job', 'First of all, and whenever the job changes before it ends.').extend({ retry }),
    event('token', 'StreamToken', 'More text.'),
    event('reset', 'StreamReset', 'The text so far is void.'),
    event('completed', 'Job', 'The job has ended in any way, and all of its text was sent. The last event.'),
    z
      .strictObject({ event: z.literal('error'), id: id.optional(), data: jsonText('Problem') })
      .openapi({ description: 'The stream failed. The last event. Its id is that of the event before it, if any.' }),
  ])
  .openapi('StreamEvent');

export const eventStreamMediaType = 'text/event-stream';

/** The content of an answer that is a stream; the schema is that of each event. */
export const eventStreamContent = { [eventStreamMediaType]: { schema: streamEventSchema } } as const;

/** An event before its data is written as JSON. */
export type StreamEvent =
  | { readonly event: 'status' | 'completed'; readonly id: string; readonly data: JobBody }
  | { readonly event: 'token'; readonly id: string; readonly data: z.infer<typeof streamTokenSchema> }
  | { readonly event: 'reset'; readonly id: string; readonly data: z.infer<typeof streamResetSchema> }
  | { readonly event: 'error'; readonly data: Problem };
export type StreamEventType = StreamEvent['event'];

export const presentJobEvent = (
  type: 'status' | 'completed',
  job: Job,
  { position, view }: { readonly position: StreamPosition; readonly view: JobView },
): StreamEvent => ({ event: type, id: presentPosition(job, position), data: presentJob(job, view) });

export interface StreamedPart {
  readonly text: string;
  readonly tokens: number;
  readonly position: StreamPosition;
  readonly now: Date;
}

export const presentTokens = (job: Job, { text, tokens, position, now }: StreamedPart): StreamEvent => ({
  event: 'token',
  id: presentPosition(job, position),
  data: { text, tokens, now: now.toISOString() },
});

/** `attempt`: the one that wrote the new text. */
export const presentReset = (
  job: Job,
  { position, attempt }: { readonly position: StreamPosition; readonly attempt: number },
): StreamEvent => ({
  event: 'reset',
  id: presentPosition(job, position),
  data: { version: job.version, reason: attempt > 1 ? 'rerun' : 'unknown_position' },
});
