/** The state of the service, for people, load balancers and orchestrators. */
import { healthRoute, livezRoute, presentWorker, readyzRoute } from '@prosemill/contract';
import { AppError } from '@prosemill/core';
import type { ApiServices } from '../api-services.ts';
import type { AddRoute } from '../route-table.ts';

export function addHealthRoutes(addRoute: AddRoute, services: ApiServices): void {
  const { version } = services;

  addRoute(healthRoute, async (c) => {
    const { problems, model, workers, queue, isPaused, pause } = await services.state.current();
    return c.json(
      {
        status: problems.length === 0 ? ('healthy' as const) : ('degraded' as const),
        problems: [...problems],
        model,
        workers: workers.map(presentWorker),
        queue: {
          queued: queue?.queued ?? null,
          running: queue?.running ?? null,
          paused: isPaused,
          paused_at: pause?.pausedAt.toISOString() ?? null,
        },
        version,
      },
      200,
    );
  });

  addRoute(livezRoute, (c) => c.json({ status: 'ok' as const }, 200));

  addRoute(readyzRoute, async (c) => {
    if (services.isStopping()) throw new AppError('shutting_down', { message: 'This process is shutting down.' });
    await services.state.requireReady();
    return c.json({ status: 'ok' as const }, 200);
  });
}
