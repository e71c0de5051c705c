/** The log of a job. */
import { z } from '@hono/zod-openapi';
import { eventActors, type JobEvent, jobEventTypes } from '@prosemill/core';
import { time } from './text.ts';

const jobEventSchema = z
  .strictObject({
    seq: z.int().min(1).openapi({ description: 'The version of the job after the transition.' }),
    type: z.enum(jobEventTypes),
    at: time,
    data: z.strictObject({
      attempt: z
        .int()
        .min(0)
        .openapi({ description: 'The attempt that the transition belongs to; 0 before the first.' }),
      actor: z.enum(eventActors),
    }),
  })
  .openapi('JobEvent');

export const jobEventLogSchema = z.strictObject({ data: z.array(jobEventSchema) }).openapi('JobEventLog');

export type JobEventLog = z.infer<typeof jobEventLogSchema>;

export const presentEventLog = (events: readonly JobEvent[]): JobEventLog => ({
  data: events.map(({ seq, type, at, attempt, actor }) => ({
    seq,
    type,
    at: at.toISOString(),
    data: { attempt, actor },
  })),
});
