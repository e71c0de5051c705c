/** The requests of this page by name, with the types of the contract. */
import type {
  BatchBody,
  DeliveryBody,
  DryRunBody,
  GenerationRequestBody,
  Health,
  JobBody,
  JobEventLog,
  JobPage,
  MachineBody,
  MeBody,
  RetryRequestBody,
  ServiceIndex,
  Verification,
} from '@prosemill/contract';
import { type Answer, call } from './api.ts';

interface Cancelable {
  readonly signal?: AbortSignal | undefined;
}

export interface Repeatable extends Cancelable {
  /** Makes the request safe to repeat: the same key is the same job. */
  readonly idempotencyKey: string;
}

export const getIndex = (): Promise<Answer<ServiceIndex>> => call('./');
export const getHealth = (): Promise<Answer<Health>> => call('health');
/** @param historySeconds how much of the past it tells. Default: nothing */
export const getMachine = (historySeconds?: number): Promise<Answer<MachineBody>> =>
  call(historySeconds === undefined ? 'machine' : `machine?history=${historySeconds}`);
/** The owner of a key, which need not be one of the session. */
export const getMe = (key: string): Promise<Answer<MeBody>> => call('me', { key });

export const getJob = (id: string): Promise<Answer<JobBody>> => call(`jobs/${encodeURIComponent(id)}`);
export const getJobEvents = (id: string): Promise<Answer<JobEventLog>> => call(`jobs/${encodeURIComponent(id)}/events`);

interface Conditional extends Cancelable {
  /** The version that the caller has; the body of an unchanged answer is null. Default: none. */
  readonly etag?: string | null;
}

const getChanged = <Body>(path: string, { etag, signal }: Conditional): Promise<Answer<Body | null>> =>
  call(path, { headers: etag == null ? {} : { 'If-None-Match': etag }, signal });

export const listJobs = (query: URLSearchParams, options: Conditional = {}): Promise<Answer<JobPage | null>> =>
  getChanged(`jobs?${query}`, options);

export const getBatch = (id: string, options: Conditional = {}): Promise<Answer<BatchBody | null>> =>
  getChanged(`batches/${encodeURIComponent(id)}`, options);

export const cancelBatch = (id: string): Promise<Answer<BatchBody>> =>
  call(`batches/${encodeURIComponent(id)}/cancel`, { method: 'POST' });

export const listDeliveries = (
  jobId: string,
  { signal }: Cancelable = {},
): Promise<Answer<{ readonly data: readonly DeliveryBody[] }>> =>
  call(`jobs/${encodeURIComponent(jobId)}/deliveries`, { signal });

export const redeliver = ({ job_id, id }: Pick<DeliveryBody, 'job_id' | 'id'>): Promise<Answer<DeliveryBody>> =>
  call(`jobs/${job_id}/deliveries/${id}/redeliver`, { method: 'POST' });

/** @param etag of the job that the caller has: waits for any change, else for the end */
export const waitForJob = (
  id: string,
  { etag, seconds, signal }: Cancelable & { readonly etag: string | null; readonly seconds: number },
): Promise<Answer<JobBody | null>> =>
  call(`jobs/${encodeURIComponent(id)}?wait=${seconds}`, {
    headers: etag === null ? {} : { 'If-None-Match': etag },
    signal,
  });

export const createJob = (
  body: GenerationRequestBody,
  { idempotencyKey, signal }: Repeatable,
): Promise<Answer<JobBody>> =>
  call('jobs', { method: 'POST', body, headers: { 'Idempotency-Key': idempotencyKey }, signal });

export const checkRequest = (body: GenerationRequestBody, { signal }: Cancelable = {}): Promise<Answer<DryRunBody>> =>
  call('jobs?dry_run=true', { method: 'POST', body, signal });

export const cancelJob = (id: string): Promise<Answer<JobBody>> =>
  call(`jobs/${encodeURIComponent(id)}/cancel`, { method: 'POST' });

/** Deletes an ended job with its text for good. */
export const deleteJob = (id: string): Promise<Answer<null>> =>
  call(`jobs/${encodeURIComponent(id)}`, { method: 'DELETE' });

export const retryJob = (
  id: string,
  body: RetryRequestBody,
  { idempotencyKey, signal }: Repeatable,
): Promise<Answer<JobBody>> =>
  call(`jobs/${encodeURIComponent(id)}/retry`, {
    method: 'POST',
    body,
    headers: { 'Idempotency-Key': idempotencyKey },
    signal,
  });

/** 200: the comparison. 202: the job that will give it. */
export const requestVerification = (
  id: string,
  { idempotencyKey }: Repeatable,
): Promise<Answer<Verification | JobBody>> =>
  call(`jobs/${encodeURIComponent(id)}/verify`, {
    method: 'POST',
    headers: { 'Idempotency-Key': idempotencyKey, Prefer: 'wait=30' },
  });
