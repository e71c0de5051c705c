/** The requests of this page by name. */
import type {
  Batch,
  CallOptions,
  Delivery,
  GenerationRequest,
  Job,
  JobFilters,
  LiveFilters,
  PageOptions,
  RetryRequest,
  SubmitOptions,
} from '@prosemill/client';
import { answer, answerWith } from './api.ts';

export const getIndex = async () => answer(async (client) => client.service());
export const getHealth = async () => answer(async (client) => client.health());
/** @param history seconds of the past that it tells. Default: none */
export const getMachine = async (history?: number) => answer(async (client) => client.machine({ history }), 'either');
/** The owner of a key, which need not be one of the session. */
export const getMe = async (key: string) => answerWith(key, async (client) => client.me());

export const getJob = async (id: string) => answer(async (client) => client.job(id));
export const getJobEvents = async (id: string) => answer(async (client) => client.events(id));
export const listJobs = async (filters: JobFilters, options: PageOptions<Job>) =>
  answer(async (client) => client.jobs(filters).page(options));
export const openLive = async (filters: LiveFilters, signal: AbortSignal) =>
  answer(async (client) => client.live(filters, { signal }));

export const createJob = async (body: GenerationRequest, options: SubmitOptions) =>
  answer(async (client) => client.submit(body, options));
export const checkRequest = async (body: GenerationRequest, options: CallOptions = {}) =>
  answer(async (client) => client.check(body, options));
export const cancelJob = async (id: string) => answer(async (client) => client.cancel(id));
/** Deletes an ended job with its text for good. */
export const deleteJob = async (id: string) => answer(async (client) => client.delete(id));
export const retryJob = async (id: string, changes: RetryRequest = {}, options: SubmitOptions = {}) =>
  answer(async (client) => client.retry(id, changes, options));
/** @param idempotencyKey a second request after a refused key asks for the same verification */
export const verify = async (id: string, idempotencyKey: string) =>
  answer(async (client) => client.verify(id, { idempotencyKey }));

export const getBatch = async (id: string, options: CallOptions & { readonly known: Batch | null }) =>
  answer(async (client) => client.getBatch(id, options));
export const cancelBatch = async (id: string) => answer(async (client) => client.cancelBatch(id));

export const listDeliveries = async (jobId: string, options: CallOptions = {}) =>
  answer(async (client) => client.deliveries(jobId, options));
export const redeliver = async (delivery: Delivery) => answer(async (client) => client.redeliver(delivery));
