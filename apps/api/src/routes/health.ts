/** How the service is, for people, load balancers and orchestrators. */
import { healthRoute, livezRoute, readyzRoute } from '@prosemill/contract';
import { AppError, type QueueMeasure } from '@prosemill/core';
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { ApiEnv } from '../api-env.ts';
import type { ApiServices } from '../api-services.ts';

export function addHealthRoutes(app: OpenAPIHono<ApiEnv>, services: ApiServices): void {
  const { store, version } = services;

  app.openapi(healthRoute, async (c) => {
    const { problems, model, workers, queue, isPaused } = await services.state.current();
    return c.json(
      {
        status: problems.length === 0 ? ('healthy' as const) : ('degraded' as const),
        problems: [...problems],
        model,
        workers: workers.map(({ id, state, loadProgress, note, slots, busy }) => ({
          id,
          state,
          load_progress: loadProgress,
          note,
          slots,
          busy,
        })),
        queue: { queued: countOf(queue, 'queued'), running: countOf(queue, 'running'), paused: isPaused },
        version,
      },
      200,
    );
  });

  app.openapi(livezRoute, (c) => c.json({ status: 'ok' as const }, 200));

  app.openapi(readyzRoute, async (c) => {
    if (services.isStopping()) throw new AppError('shutting_down', { message: 'This process is shutting down.' });
    await store.requireReady();
    return c.json({ status: 'ok' as const }, 200);
  });
}

const countOf = (queue: QueueMeasure | null, status: 'queued' | 'running'): number | null =>
  queue?.counts.reduce((sum, each) => sum + (each.status === status ? each.count : 0), 0) ?? null;
