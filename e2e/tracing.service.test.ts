/** A trace from the request of a client to the text, in the log and at a collector. */
import type { JobBody } from '@prosemill/contract';
import { type CollectedSpan, type Collector, startCollector } from '@prosemill/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, type Request, type RequestOptions } from './http-client.ts';
import type { Environment, Service, ServiceProcess } from './launch.ts';
import { launchEmbedded, launchFull } from './sizes.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const clientSpan = 'b7ad6b7169203331';

/** Reports on standard error which OpenTelemetry modules a process loads. */
const watchImports = `
  import { registerHooks } from 'node:module';
  registerHooks({ resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    if (resolved.url.includes('opentelemetry')) process.stderr.write('loaded ' + specifier + '\\n');
    return resolved;
  } });`;
const watched: Environment = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(watchImports)}` };

const idsOf = (line: Readonly<Record<string, unknown>>) => [line['trace_id'], line['span_id']];

describe('a job with a trace', () => {
  let collector: Collector;
  let service: Service;
  let request: Request;
  let api: ServiceProcess;
  let worker: ServiceProcess;

  beforeAll(async () => {
    collector = await startCollector();
    service = await launchFull({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, FAILPOINT: 'engine.poison:kill9' });
    [api, worker] = service.processes as [ServiceProcess, ServiceProcess];
    request = await createClient(service.url);
  });
  afterAll(async () => {
    await service.stop();
    await collector.stop();
  });

  const run = async (options: RequestOptions): Promise<string> => {
    const headers = { Prefer: 'respond-async', ...options.headers };
    const { body } = await request<JobBody>('/generate', { ...options, headers });
    const ended = await request<JobBody>(`/jobs/${body.id}?wait=60`);
    expect(ended.body.finished_at).not.toBeNull();
    return body.id;
  };
  const spansOf = (jobId: string): readonly CollectedSpan[] =>
    collector.spans.filter(({ attributes }) => attributes['prosemill.job_id'] === jobId);
  const spanOf = (jobId: string, name: string): CollectedSpan | undefined =>
    spansOf(jobId).find((span) => span.name === name);
  const json = { prompt: 'Once upon a time', max_new_tokens: 5 };

  it('continues the trace of the client: submit, then queue, generate and write', async () => {
    const id = await run({ json, headers: { traceparent: `00-${traceId}-${clientSpan}-01` } });
    await expect.poll(() => spansOf(id).length).toBe(4);
    const submit = spanOf(id, 'submit');
    expect(submit).toMatchObject({ service: 'prosemill-api', traceId, parentSpanId: clientSpan });
    for (const name of ['queue', 'generate', 'write']) {
      expect(spanOf(id, name)).toMatchObject({ service: 'prosemill-worker', traceId, parentSpanId: submit?.spanId });
    }
    const [queue, generate, write] = ['queue', 'generate', 'write'].map((name) => spanOf(id, name));
    expect(queue?.endMs).toBe(generate?.startMs);
    expect(generate?.endMs).toBe(write?.startMs);
    expect(generate?.attributes).toMatchObject({
      'prosemill.outcome': 'succeeded',
      'gen_ai.request.model': 'tiny-tales',
      'gen_ai.usage.input_tokens': 4,
      'gen_ai.usage.output_tokens': 5,
    });
  });

  it('is found in the log of both processes by its trace', async () => {
    const id = await run({ json, headers: { traceparent: `00-${traceId}-${clientSpan}-01` } });
    await expect.poll(() => spansOf(id).length).toBe(4);
    const accepted = await api.logged({ msg: 'request', jobId: id, method: 'POST' });
    expect(idsOf(accepted)).toEqual([traceId, spanOf(id, 'submit')?.spanId]);
    for (const msg of ['job attempt started', 'job attempt ended']) {
      expect(idsOf(await worker.logged({ msg, jobId: id }))).toEqual([traceId, spanOf(id, 'generate')?.spanId]);
    }
  });

  it.each([{}, { traceparent: '00-nonsense-01' }])('starts a trace without a valid header (%j)', async (headers) => {
    const id = await run({ json, headers });
    await expect.poll(() => spansOf(id).length).toBe(4);
    const submit = spanOf(id, 'submit');
    expect(submit?.parentSpanId).toBeNull();
    expect(submit?.traceId).not.toBe(traceId);
    expect(new Set(spansOf(id).map((span) => span.traceId)).size).toBe(1);
  });

  it('keeps its trace through every crash', async () => {
    const id = await run({
      json: { ...json, prompt: 'A poisonpill' },
      headers: { traceparent: `00-${traceId}-${clientSpan}-01` },
    });
    const generations = () => spansOf(id).filter(({ name }) => name === 'generate');
    await expect.poll(() => generations().length).toBe(3);
    const submit = spanOf(id, 'submit');
    for (const [index, span] of generations().entries()) {
      expect(span).toMatchObject({ traceId, parentSpanId: submit?.spanId, isError: true });
      expect(span.attributes).toMatchObject({ 'prosemill.attempt': index + 1, 'error.type': 'worker_lost' });
    }
  });

  it('is not sent to the collector when the client does not record it', async () => {
    const quiet = await run({ json, headers: { traceparent: `00-${traceId}-${clientSpan}-00` } });
    const next = await run({ json });
    await expect.poll(() => spansOf(next).length).toBe(4);
    expect(spansOf(quiet)).toEqual([]);
  });
});

async function loadsLibraries(environment: Environment): Promise<boolean> {
  const service = await launchEmbedded({ ...watched, ...environment });
  const request = await createClient(service.url);
  await request('/generate', { json: { prompt: 'A fox', max_new_tokens: 2 }, headers: { Prefer: 'wait=60' } });
  expect(await service.stop()).toEqual([0]);
  // The constants in @opentelemetry/api come with prom-client.
  return service.processes.some(({ output }) => /loaded @opentelemetry\/(?!api\n)/.test(output));
}

describe("OpenTelemetry's libraries", () => {
  it('are loaded only for a collector, and an unreachable collector does no harm', async () => {
    expect(await loadsLibraries({})).toBe(false);
    expect(await loadsLibraries({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' })).toBe(true);
  });
});
