/** The requests of the admin view. */
import type { ApiKeyRequest } from '@prosemill/client';
import { answer } from '../api.ts';

const limit = 50;

export const getQueue = async () => answer(async (client) => client.queue(), 'admin');
export const pauseQueue = async () => answer(async (client) => client.pauseQueue(), 'admin');
export const resumeQueue = async () => answer(async (client) => client.resumeQueue(), 'admin');

export const listKeys = async (cursor: string | null) =>
  answer(async (client) => client.keys({ limit }).page({ cursor }), 'admin');
export const createKey = async (body: ApiKeyRequest) => answer(async (client) => client.createKey(body), 'admin');
export const revokeKey = async (id: string) => answer(async (client) => client.revokeKey(id), 'admin');
export const listFailing = async () =>
  answer(async (client) => client.allDeliveries({ state: 'failing', limit }).page(), 'admin');
