import { createMetrics } from '@prosemill/telemetry';
import { expect, it, onTestFinished } from 'vitest';
import { startProbeServer } from './probe-server.ts';
import { createTestWorker, openTestStore } from './test-worker.ts';

it('a worker answers /livez, /readyz and /metrics; 500 when the metrics cannot be read', async () => {
  const metrics = createMetrics();
  const worker = createTestWorker(await openTestStore(), { metrics });
  const probes = await startProbeServer({ worker, metrics, host: '127.0.0.1', port: 0 });
  onTestFinished(async () => await probes.stop());
  const get = async (path: string): Promise<Response> => await fetch(`http://127.0.0.1:${probes.port}${path}`);
  const statuses = await Promise.all(['/livez', '/readyz', '/nope'].map(async (path) => (await get(path)).status));
  expect(statuses).toEqual([200, 503, 404]);
  const answer = await get('/metrics');
  expect(answer.headers.get('content-type')).toContain('text/plain');
  const text = await answer.text();
  for (const name of ['jobs_started_total', 'stale_completions_total', 'crashes_total', 'rescues_total']) {
    expect(text).toMatch(new RegExp(`^prosemill_${name} 0$`, 'm'));
  }
  expect(text).toMatch(/^prosemill_running_jobs 0$/m);
  expect(text).toContain('nodejs_eventloop_lag_max_seconds');

  metrics.gauge({ name: 'prosemill_broken', help: 'Cannot be read.' }, () => {
    throw new Error('a bug');
  });
  const failed = await get('/metrics');
  expect([failed.status, await failed.json()]).toEqual([500, { status: 'a bug' }]);
  expect((await get('/livez')).status).toBe(200);
});
