/** The events of `GET /live`, and their presenters. */
import { z } from '@hono/zod-openapi';
import { type Job, jobStatuses } from '@prosemill/core';
import { jobSchema } from './job.ts';
import { jsonText } from './json-text.ts';
import type { MachineBody } from './routes/machine.ts';
import { eventStreamMediaType, type StreamEvent, streamResetSchema, streamTokenSchema } from './stream-events.ts';

const jobId = z.uuid().openapi({ description: 'The job that the event is about.' });

// With `extend` the document would refer to the schema of the event without `job_id`, which allows no more properties.
export const liveJobSchema = z.strictObject({ ...jobSchema.shape, job_id: jobId }).openapi('LiveJob');
export const liveTokenSchema = z.strictObject({ ...streamTokenSchema.shape, job_id: jobId }).openapi('LiveToken');
export const liveResetSchema = z.strictObject({ ...streamResetSchema.shape, job_id: jobId }).openapi('LiveReset');

export const jobChangesSchema = z
  .strictObject({
    data: z.array(z.strictObject({ id: z.uuid(), status: z.enum(jobStatuses), version: z.int() })),
    has_more: z.boolean().openapi({ description: 'There were more changes: read the list of jobs again.' }),
  })
  .openapi('JobChanges');

const id = z.string().openapi({ description: 'The position in the stream of this job, for `job=ID@id`.' });
const event = (type: LiveEvent['event'], schemaName: string, description: string) =>
  z.strictObject({ event: z.literal(type), data: jsonText(schemaName) }).openapi({ description });

/** For /openapi.json: an event as its readers see it. */
const liveEventSchema = z
  .discriminatedUnion('event', [
    event('status', 'LiveJob', 'First of all of each job, and whenever it changes before it ends.').extend({ id }),
    event('token', 'LiveToken', 'More text of a job.').extend({ id }),
    event('reset', 'LiveReset', 'The text of a job so far is void.').extend({ id }),
    event('completed', 'LiveJob', 'A job has ended in any way, and all of its text was sent.').extend({ id }),
    event(
      'error',
      'Problem',
      'With `job_id`: of that job, and the others go on. Without: of the stream, and the last.',
    ),
    event('jobs', 'JobChanges', 'Own jobs that changed; at most four a second.'),
    event('machine', 'Machine', 'As GET /machine answers, without its past; every second.'),
  ])
  .openapi('LiveEvent');

export const liveStreamContent = { [eventStreamMediaType]: { schema: liveEventSchema } } as const;

type OfJob<Event> = Event extends { readonly event: 'error' }
  ? Event
  : Event extends { readonly data: infer Data }
    ? Omit<Event, 'data'> & { readonly data: Data & { readonly job_id?: string } }
    : never;

/** An event before its data is written as JSON. */
export type LiveEvent =
  | OfJob<StreamEvent>
  | { readonly event: 'jobs'; readonly data: z.infer<typeof jobChangesSchema> }
  | { readonly event: 'machine'; readonly data: MachineBody };

export type LiveEventType = LiveEvent['event'];

/** An event of a job, with the id of the job in its data. */
export const ofJob = (job: Pick<Job, 'id'>, { data, ...rest }: StreamEvent): LiveEvent =>
  ({ ...rest, data: { ...data, job_id: job.id } }) as LiveEvent;

export const presentJobChanges = (
  jobs: readonly Pick<Job, 'id' | 'status' | 'version'>[],
  hasMore: boolean,
): LiveEvent => ({
  event: 'jobs',
  data: { data: jobs.map(({ id: changed, status, version }) => ({ id: changed, status, version })), has_more: hasMore },
});
