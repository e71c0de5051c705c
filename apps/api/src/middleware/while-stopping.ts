/** What a process that stops says: no to every new request, and goodbye to every connection. */
import { AppError } from '@prosemill/core';
import type { MiddlewareHandler } from 'hono';
import type { ApiEnv } from '../api-env.ts';

type IsStopping = () => boolean;

/** Whoever watches the process still wants to know how it is. */
const watched: ReadonlySet<string> = new Set(['/health', '/livez', '/readyz', '/metrics']);

/** Refuses what comes from now on; what is under way goes on. */
export const refuseWhileStopping = (isStopping: IsStopping): MiddlewareHandler<ApiEnv> =>
  async function refuse(c, next) {
    if (isStopping() && !watched.has(c.req.path)) {
      throw new AppError('shutting_down', { message: 'This process is shutting down; another one will answer.' });
    }
    await next();
  };

/** The last answer on a connection says so: its client opens the next one elsewhere. */
export const closeWhileStopping = (isStopping: IsStopping): MiddlewareHandler<ApiEnv> =>
  async function close(c, next) {
    await next();
    if (isStopping()) c.res.headers.set('Connection', 'close');
  };
