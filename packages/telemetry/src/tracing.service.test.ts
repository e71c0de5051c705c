import { childOf, type Logger, type TraceContext } from '@prosemill/core';
import { type Collector, silentLogger, startCollector } from '@prosemill/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createTracing, noTracing, type Span, type Tracing } from './tracing.ts';

const root = childOf(null);

const spanOf = (overrides: Partial<Span> = {}): Span => ({
  name: 'queue',
  context: childOf(root),
  parent: root,
  startedAtMs: 1_700_000_000_123.25,
  endedAtMs: 1_700_000_001_000,
  attributes: {},
  ...overrides,
});

async function openCollector(): Promise<Collector> {
  const collector = await startCollector();
  onTestFinished(async () => await collector.stop());
  return collector;
}

const open = async (endpoint: string, logger: Logger = silentLogger): Promise<Tracing> =>
  await createTracing({ endpoint, name: 'api', version: '1', logger });

describe('spans', () => {
  it.each(['', '/'])(
    'reach the collector with their trace, time and attributes (%j after its address)',
    async (end) => {
      const collector = await openCollector();
      const tracing = await open(`${collector.url}${end}`);
      const context = childOf(root);
      const attributes = { 'prosemill.job_id': 'a-job', 'prosemill.attempt': 2 };
      tracing.record(spanOf({ context, attributes }));
      tracing.record(spanOf({ name: 'generate', errorCode: 'worker_lost' }));
      tracing.record(spanOf({ name: 'submit', context: root, parent: null }));
      await tracing.stop();
      expect(collector.spans).toMatchObject([
        {
          service: 'prosemill-api',
          name: 'queue',
          traceId: root.traceId,
          spanId: context.spanId,
          parentSpanId: root.spanId,
          startMs: 1_700_000_000_123.25,
          endMs: 1_700_000_001_000,
          isError: false,
          attributes,
        },
        { name: 'generate', isError: true, attributes: { 'error.type': 'worker_lost' } },
        { name: 'submit', spanId: root.spanId, parentSpanId: null },
      ]);
    },
  );

  it('are not sent if the client does not sample their trace', async () => {
    const collector = await openCollector();
    const tracing = await open(collector.url);
    const quiet: TraceContext = { ...root, isSampled: false };
    tracing.record(spanOf({ context: childOf(quiet), parent: quiet }));
    tracing.record(spanOf());
    await tracing.stop();
    expect(collector.spans).toHaveLength(1);
  });

  it('are sent while the process runs', async () => {
    const collector = await openCollector();
    const tracing = await open(collector.url);
    onTestFinished(async () => await tracing.stop());
    tracing.record(spanOf());
    await expect.poll(() => collector.spans.length).toBe(1);
  });

  it('are dropped without a collector', async () => {
    const tracing = await createTracing({ endpoint: undefined, name: 'api', version: '1', logger: silentLogger });
    expect(tracing).toBe(noTracing);
    tracing.record(spanOf());
    await tracing.stop();
  });
});

describe('a collector', () => {
  it.each([
    ['is away', async (collector: Collector) => await collector.stop()],
    ['hangs', async (collector: Collector) => collector.hang()],
  ])('that %s delays only the stop, by two seconds', async (_name, breakIt) => {
    const collector = await startCollector();
    onTestFinished(async () => await collector.stop());
    await breakIt(collector);
    const tracing = await open(collector.url);
    // More spans than the queue holds.
    for (let count = 0; count < 5_000; count += 1) tracing.record(spanOf());
    const begin = performance.now();
    await tracing.stop();
    expect(performance.now() - begin).toBeLessThan(3_000);
    await tracing.stop();
  });

  it('that goes away is logged once', async () => {
    const collector = await openCollector();
    const lines: string[] = [];
    const add = (_fields: object, message: string): void => void lines.push(message);
    const logger: Logger = { debug: add, info: add, warn: add, error: add, child: () => logger };
    const tracing = await open(`${collector.url}/nowhere`, logger);
    onTestFinished(async () => await tracing.stop());
    // A full batch is sent at once.
    for (let count = 0; count < 1_024; count += 1) tracing.record(spanOf());
    await expect.poll(() => lines).toEqual(['the collector of traces does not take spans']);
  });
});
