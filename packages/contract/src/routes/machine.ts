/** `GET /machine`: the workers, the queue and the speed of the whole service. */
import { z } from '@hono/zod-openapi';
import { endedStatuses } from '@prosemill/core';
import { modelSchema, orNull } from '../job.ts';
import { defineRoute } from '../policy.ts';
import { workerSchema } from '../present-worker.ts';
import { commonErrors, problemResponses } from '../problem.ts';
import { queryInteger, time } from '../text.ts';
import { headersOf } from './headers.ts';

/** The longest past that the machine shows. */
export const historySeconds = 900;

/** An object with these keys and values of one schema. */
const recordOf = <Key extends string, Value extends z.ZodType>(
  keys: readonly Key[],
  value: Value,
): z.ZodObject<Record<Key, Value>, z.core.$strict> =>
  z.strictObject(Object.fromEntries(keys.map((key) => [key, value])) as Record<Key, Value>);

const rate = z.number().min(0);
const quantiles = <Value extends z.ZodType>(value: Value) => recordOf(['p50', 'p95', 'p99'], value);
const latencies = <Value extends z.ZodType>(value: Value) =>
  recordOf(['queue_ms', 'first_token_ms', 'total_ms'], quantiles(value));
const waitingJobs = ['callers', 'normal', 'low'] as const;

const slotSchema = z
  .strictObject({
    tokens: z.int().min(0).openapi({ description: 'New tokens so far.' }),
    limit: z.int().nullable().openapi({ description: 'The most new tokens; null until the engine has begun.' }),
    phase: z.enum(['prompt', 'writing']),
    job_id: z.uuid().nullable().openapi({ description: 'Null for the job of another owner.' }),
  })
  .openapi('Slot');

const machineWorkerSchema = workerSchema.extend({
  model: orNull(modelSchema),
  tokens_per_second: rate.nullable(),
  slot_states: z.array(orNull(slotSchema)).nullable().openapi({
    description:
      'One entry for each slot; null: free. The list and the rate are null until the worker, which reports them only while somebody looks, has done so.',
  }),
});

const historySchema = z
  .strictObject({
    from: time.openapi({ description: 'The beginning of the first second.' }),
    step_s: z.literal(1),
    queue: recordOf([...waitingJobs, 'running'], z.array(rate)),
    rates: z.strictObject({
      tokens: z.array(rate),
      accepted: z.array(rate),
      ended: recordOf(endedStatuses, z.array(rate)),
    }),
    latency: latencies(z.array(rate.nullable())),
  })
  .openapi('MachineHistory', {
    description:
      'One number for each second, with the names of the present values. Taken from the rows of the jobs: a job counts as if its last attempt had been its only one, and its tokens are spread evenly.',
  });

export const machineSchema = z
  .strictObject({
    now: time,
    status: z.enum(['healthy', 'degraded']),
    problems: z.array(z.string()).openapi({ description: 'As in /health.' }),
    queue: z
      .strictObject({
        callers: z.int().openapi({ description: 'Waiting jobs whose callers wait.' }),
        normal: z.int(),
        low: z.int(),
        running: z.int(),
        oldest_age_s: z.number().min(0).nullable().openapi({ description: 'Null when no job waits.' }),
        paused: z.boolean(),
        limit: z.int().openapi({ description: 'The most jobs that may wait.' }),
      })
      .nullable()
      .openapi({ description: 'Jobs of all owners. Null while the database does not answer.' }),
    workers: z.array(machineWorkerSchema),
    rates: z
      .strictObject({
        tokens: rate.nullable().openapi({ description: 'New tokens a second, as the workers report them.' }),
        accepted: rate,
        refused: rate.openapi({ description: 'Submits that found no room in the queue.' }),
        ended: recordOf(endedStatuses, rate),
      })
      .nullable()
      .openapi({
        description: 'Jobs a second, over the last minute. Null while the database does not answer.',
      }),
    latency: latencies(rate.nullable()).nullable().openapi({
      description:
        'Of jobs that succeeded in the last five minutes, some seconds old; null without one, and while the database does not answer.',
    }),
    estimate_error: quantiles(rate.nullable()).nullable().openapi({
      description:
        'Errors of the estimated ends in answers to submits of the last hour, as shares of the time from the submit to the end; null without one, and while the database does not answer.',
    }),
    history: orNull(historySchema).optional().openapi({
      description: 'Only with the parameter `history`. Null while the database does not answer.',
    }),
  })
  .openapi('Machine');

export type MachineBody = z.infer<typeof machineSchema>;
export type MachineHistoryBody = z.infer<typeof historySchema>;

export const machineRoute = defineRoute({
  method: 'get',
  path: '/machine',
  policy: { scope: ['read', 'admin'] },
  operationId: 'machine',
  tags: ['Service'],
  summary: 'Workers, slots, queue, rates and times of the whole service',
  description: 'The same from every API process. Values are at most a second old, unless it is said.',
  request: {
    query: z.strictObject({
      history: queryInteger(1, historySeconds)
        .optional()
        .openapi({ description: 'Seconds of the past to show as well.' }),
    }),
  },
  responses: {
    200: {
      description: 'The machine.',
      headers: headersOf(),
      content: { 'application/json': { schema: machineSchema } },
    },
    ...problemResponses(...commonErrors),
  },
});
