/** The numbers of this process, for Prometheus. */
import { metricsRoute } from '@prosemill/contract';
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { ApiEnv } from '../api-env.ts';
import type { ApiServices } from '../api-services.ts';

export function addMetricsRoute(app: OpenAPIHono<ApiEnv>, { metrics, state }: ApiServices): void {
  app.openapi(metricsRoute, async (c) => {
    await state.current();
    return c.text(await metrics.read(), 200, { 'Content-Type': metrics.contentType });
  });
}
