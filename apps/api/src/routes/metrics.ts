/** The numbers of this process, for Prometheus. */
import { metricsRoute } from '@prosemill/contract';
import type { ApiServices } from '../api-services.ts';
import type { AddRoute } from '../route-table.ts';

export function addMetricsRoute(addRoute: AddRoute, { metrics, state }: ApiServices): void {
  addRoute(metricsRoute, async (c) => {
    await state.current();
    return c.text(await metrics.read(), 200, { 'Content-Type': metrics.contentType });
  });
}
