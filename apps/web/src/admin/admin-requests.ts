/** The requests of the admin view. */
import type { KeyPage, KeyRequestBody, NewKeyBody, QueueBody } from '@prosemill/contract';
import { type Answer, call } from '../api.ts';

export const getQueue = (): Promise<Answer<QueueBody>> => call('admin/queue');
export const pauseQueue = (): Promise<Answer<QueueBody>> => call('admin/queue/pause', { method: 'POST' });
export const resumeQueue = (): Promise<Answer<QueueBody>> => call('admin/queue/resume', { method: 'POST' });

export const listKeys = (cursor: string | null): Promise<Answer<KeyPage>> =>
  call(`admin/keys?limit=50${cursor === null ? '' : `&cursor=${cursor}`}`);
export const createKey = (body: KeyRequestBody): Promise<Answer<NewKeyBody>> =>
  call('admin/keys', { method: 'POST', body });
export const revokeKey = (id: string): Promise<Answer<null>> =>
  call(`admin/keys/${encodeURIComponent(id)}`, { method: 'DELETE' });
