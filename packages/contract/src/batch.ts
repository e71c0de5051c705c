/** A batch: the body that submits it, and the batch as clients see it. */
import { z } from '@hono/zod-openapi';
import { type Batch, isTerminal, jobStatuses } from '@prosemill/core';
import { generationRequestSchema } from './generation-request.ts';
import { text, time } from './text.ts';
import { requireReceiver } from './webhook.ts';

export const batchLimits = { requests: 100, customIdCharacters: 64 } as const;

const customId = text(batchLimits.customIdCharacters).openapi({
  description: 'A name for the job; unique in the batch.',
});

/** No client waits for a job of a batch, so none can leave it. */
const { on_disconnect: _, ...fields } = generationRequestSchema.shape;

const batchItemSchema = z
  .strictObject({ custom_id: customId, ...fields })
  .superRefine(requireReceiver)
  .openapi('BatchItem', { description: 'A body of POST /jobs, without on_disconnect.' });

export const batchRequestSchema = z
  .strictObject({
    requests: z
      .array(batchItemSchema)
      .min(1)
      .max(batchLimits.requests)
      .superRefine((items, context) => {
        const first = new Map<string, number>();
        for (const [index, { custom_id: id }] of items.entries()) {
          const earlier = first.get(id);
          if (earlier === undefined) first.set(id, index);
          else {
            const message = `must be unique: the request ${earlier} has it too`;
            context.addIssue({ code: 'custom', path: [index, 'custom_id'], message });
          }
        }
      }),
  })
  .openapi('BatchRequest', {
    example: {
      requests: [
        { custom_id: 'first', prompt: 'Once upon a time' },
        { custom_id: 'second', prompt: 'The old king', max_new_tokens: 20 },
      ],
    },
  });

export type BatchRequest = z.infer<typeof batchRequestSchema>;
/** As clients write it. */
export type BatchRequestBody = z.input<typeof batchRequestSchema>;

const count = z.int().min(0);

export const batchSchema = z
  .strictObject({
    id: z.uuid(),
    object: z.literal('batch'),
    status: z.enum(['in_progress', 'ended']).openapi({ description: 'ended: no job is queued or running.' }),
    counts: z
      .strictObject({
        total: count,
        queued: count,
        running: count,
        succeeded: count,
        failed: count,
        canceled: count,
        expired: count,
      })
      .openapi({ description: 'The number of jobs in all, and with each status.' }),
    jobs: z
      .array(z.strictObject({ id: z.uuid(), custom_id: z.string(), status: z.enum(jobStatuses) }))
      .openapi({ description: 'In the order of their custom_id, by UTF-16 units.' }),
    estimated_finish_at: time.nullable().openapi({ description: 'Of the last job; null when it is not known.' }),
    urls: z.strictObject({ self: z.string(), cancel: z.string(), jobs: z.string() }),
    created_at: time,
    finished_at: time.nullable().openapi({ description: 'The end of the last job; null until then.' }),
  })
  .openapi('Batch');

export type BatchBody = z.infer<typeof batchSchema>;

/** The part of an answer about a batch that is not in the batch. */
export interface BatchView {
  /** Null when it is not known. */
  readonly finishAt: Date | null;
  /** The prefix of every path in the answer; '' for none. */
  readonly basePath: string;
}

/** The path of a batch, for clients. */
export const batchPath = (id: string, basePath: string): string => `${basePath}/batches/${id}`;

export const hasBatchEnded = ({ jobs }: Batch): boolean => jobs.every(({ status }) => isTerminal(status));

export function presentBatch(batch: Batch, { finishAt, basePath }: BatchView): BatchBody {
  const self = batchPath(batch.id, basePath);
  const countOf = (status: (typeof jobStatuses)[number]): number =>
    batch.jobs.filter((job) => job.status === status).length;
  const counts = Object.fromEntries(jobStatuses.map((status) => [status, countOf(status)]));
  const ends = batch.jobs.map(({ finishedAt }) => finishedAt?.getTime() ?? 0);
  const hasEnded = hasBatchEnded(batch);
  return {
    id: batch.id,
    object: 'batch',
    status: hasEnded ? 'ended' : 'in_progress',
    counts: { total: batch.jobs.length, ...(counts as Omit<BatchBody['counts'], 'total'>) },
    jobs: batch.jobs.map(({ id, customId: name, status }) => ({ id, custom_id: name, status })),
    estimated_finish_at: finishAt?.toISOString() ?? null,
    urls: { self, cancel: `${self}/cancel`, jobs: `${basePath}/jobs?batch_id=${batch.id}` },
    created_at: batch.createdAt.toISOString(),
    finished_at: hasEnded ? new Date(Math.max(...ends)).toISOString() : null,
  };
}
