/** A stopping process refuses new requests and closes every connection. */
import { AppError } from '@prosemill/core';
import type { MiddlewareHandler } from 'hono';
import type { ApiEnv } from '../api-env.ts';

/** Probes and streams are answered all the same: see their policies. Requests under way go on. */
export const refuseWhileStopping = (isStopping: () => boolean): MiddlewareHandler<ApiEnv> =>
  async function refuse(c, next) {
    const { isProbe, isStream } = c.get('policy');
    if (isStopping() && !isProbe && !isStream) {
      throw new AppError('shutting_down', { message: 'This process is shutting down; another one will answer.' });
    }
    await next();
  };

/** Announces the end of the connection in its last answer, so that the client opens the next one elsewhere. */
export const closeWhileStopping = (isStopping: () => boolean): MiddlewareHandler<ApiEnv> =>
  async function close(c, next) {
    await next();
    if (isStopping()) c.res.headers.set('Connection', 'close');
  };
