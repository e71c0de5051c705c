/** The metrics of the processes in the full size, against docs/operations.md. */
import { readFileSync } from 'node:fs';
import type { JobBody } from '@prosemill/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, type Request } from './http-client.ts';
import type { Service } from './launch.ts';
import { anchorsOf, queriesOf, readAlerts, readPanels } from './monitoring.ts';
import { type MetricFamily, readFamilies, valueOf } from './prometheus.ts';
import { type Selection, selectionsOf } from './promql.ts';
import { launchFull } from './sizes.ts';

const ours = /^prosemill_|^nodejs_eventloop_lag_max_seconds$/;
const operations = readFileSync(new URL('../docs/operations.md', import.meta.url), 'utf8');

interface DocumentedMetric {
  readonly of: string;
  readonly labels: readonly string[];
}

function documentedMetrics(): ReadonlyMap<string, DocumentedMetric> {
  const rows = operations.matchAll(/^\| `((?:prosemill|nodejs)_\w+)` *\| *(API|worker|both) *\|([^|]*)\|/gm);
  return new Map(
    Array.from(rows, ([, name = '', of = '', labels = '']) => [
      name,
      { of, labels: Array.from(labels.matchAll(/`(\w+)`/g), ([, label = '']) => label).toSorted() },
    ]),
  );
}

let service: Service;
let request: Request;
let workerUrl: string;

const readApi = async (): Promise<string> => await (await fetch(`${service.url}/metrics`)).text();
const readWorker = async (): Promise<string> => await (await fetch(`${workerUrl}/metrics`)).text();
const openIn = (text: string, priorityClass: number): number =>
  valueOf(text, `prosemill_open_jobs{status="queued",class="${priorityClass}"}`) +
  valueOf(text, `prosemill_open_jobs{status="running",class="${priorityClass}"}`);

beforeAll(async () => {
  service = await launchFull();
  request = await createClient(service.url);
  const { port } = (await service.processes[1]?.logged({ msg: 'the worker answers probes' })) ?? {};
  workerUrl = `http://127.0.0.1:${String(port)}`;
  await request('/generate', { json: { prompt: 'A fox', max_new_tokens: 7 }, headers: { Prefer: 'wait=60' } });
});
afterAll(async () => await service.stop());

describe('the metrics', () => {
  it('are those of docs/operations.md, by process and with their labels', async () => {
    const seen = new Map<string, { of: string; labels: readonly string[] }>();
    const read = (of: string, text: string): void => {
      for (const [name, { labels }] of [...readFamilies(text)].filter(([each]) => ours.test(each))) {
        seen.set(name, { of: seen.has(name) ? 'both' : of, labels: [...labels].toSorted() });
      }
    };
    read('API', await readApi());
    read('worker', await readWorker());
    expect(Object.fromEntries(seen)).toEqual(Object.fromEntries(documentedMetrics()));
  });

  it('are named by the rules of Prometheus', async () => {
    const families: [string, MetricFamily][] = [
      ...readFamilies(await readApi()),
      ...readFamilies(await readWorker()),
    ].filter(([name]) => name.startsWith('prosemill_'));
    for (const [name, { type }] of families) {
      expect(name).toMatch(/^[a-z][a-z_]*$/);
      expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter']);
      expect(name).not.toMatch(/_(?:ms|milliseconds|minutes|count|sum|bucket)$/);
    }
  });

  it('count a job from submit to end', async () => {
    const before = { api: await readApi(), worker: await readWorker() };
    const json = { prompt: 'Once upon a time', max_new_tokens: 9, seed: 3 };
    await request('/generate', { json, headers: { Prefer: 'wait=60' } });
    const ofApi = async (series: string) => valueOf(await readApi(), series) - valueOf(before.api, series);
    const ofWorker = async (series: string) => valueOf(await readWorker(), series) - valueOf(before.worker, series);
    // The worker counts after it has written the outcome, so the client may know of it earlier.
    await expect.poll(async () => await ofWorker('prosemill_attempts_ended_total{outcome="succeeded"}')).toBe(1);
    expect(await ofApi('prosemill_jobs_accepted_total')).toBe(1);
    expect(
      await ofApi('prosemill_http_request_duration_seconds_count{method="POST",route="/generate",status_class="2xx"}'),
    ).toBe(1);
    expect(await ofWorker('prosemill_tokens_total{type="prompt"}')).toBe(4);
    expect(await ofWorker('prosemill_tokens_total{type="completion"}')).toBe(9);
    expect(await ofWorker('prosemill_queue_wait_seconds_count{class="0"}')).toBe(1);
    for (const name of ['time_to_first_token_seconds', 'generation_seconds', 'job_duration_seconds']) {
      expect([name, await ofWorker(`prosemill_${name}_count`)]).toEqual([name, 1]);
      expect(await ofWorker(`prosemill_${name}_sum`)).toBeGreaterThan(0);
    }
    // The sum of both jobs. It arrives with the answer to the engine's next ping.
    await expect.poll(async () => valueOf(await readWorker(), 'prosemill_engine_step_rows_sum')).toBe(7 + 9);
    expect(valueOf(await readWorker(), 'prosemill_engine_step_seconds_count')).toBe(7 + 9);
  });

  it('know the queue, by status and class, and the workers', async () => {
    await request('/admin/queue/pause', { method: 'POST' });
    const submits = Array.from({ length: 3 }, async () => {
      return (await request<JobBody>('/jobs', { json: { prompt: 'Once upon a time' } })).body;
    });
    const jobs = await Promise.all(submits);
    await expect
      .poll(async () => {
        const text = await readApi();
        const others = ['prosemill_workers{state="ready"}', 'prosemill_queue_paused'].map((name) =>
          valueOf(text, name),
        );
        return [openIn(text, 1), openIn(text, 0), ...others];
      })
      .toEqual([3, 0, 1, 1]);
    await expect
      .poll(async () => valueOf(await readApi(), 'prosemill_oldest_queued_job_age_seconds'))
      .toBeGreaterThan(0);
    await Promise.all(jobs.map(async ({ id }) => await request(`/jobs/${id}/cancel`, { method: 'POST' })));
    await request('/admin/queue/resume', { method: 'POST' });
    await expect
      .poll(async () => {
        const text = await readApi();
        return [openIn(text, 1), valueOf(text, 'prosemill_queue_paused')];
      })
      .toEqual([0, 0]);
  });

  it('never hold a path, a method or a status that a client made up', async () => {
    await fetch(`${service.url}/nowhere/secret-place`);
    await fetch(`${service.url}/jobs/secret-id`);
    await fetch(`${service.url}/jobs/secret-id`, { method: 'PUT' });
    const text = await readApi();
    expect(text).not.toContain('secret');
    const count = (labels: string) => valueOf(text, `prosemill_http_request_duration_seconds_count{${labels}}`);
    expect(count('method="GET",route="unmatched",status_class="4xx"')).toBe(1);
    expect(count('method="PUT",route="unmatched",status_class="4xx"')).toBe(1);
    expect(count('method="GET",route="/jobs/{id}",status_class="4xx"')).toBe(1);
  });
});

describe('the dashboard and the alerts', () => {
  /** Labels that Prometheus adds to each series. */
  const targetLabels = ['job', 'instance'];
  const up: [string, MetricFamily] = ['up', { type: 'gauge', labels: new Set() }];
  /** Answers that a healthy service does not give. */
  const rare = new Set(['5xx']);

  /** The errors of a query against the series that both processes expose. */
  const findMistakes = (query: string, exposed: string): readonly string[] =>
    selectionsOf(query).flatMap((selection) => mistakesOf(selection, exposed));

  function mistakesOf({ metric, labels, values }: Selection, exposed: string): readonly string[] {
    const families = new Map([...readFamilies(exposed), up]);
    const part = /_(?:bucket|sum|count)$/;
    const family = families.get(metric) ?? families.get(metric.replace(part, ''));
    if (family === undefined || (family.type === 'histogram') !== part.test(metric)) return [`no series ${metric}`];
    const known = new Set([...family.labels, ...targetLabels, ...(metric.endsWith('_bucket') ? ['le'] : [])]);
    const isThere = (label: string, value: string): boolean =>
      rare.has(value) || new RegExp(`^${metric}\\{.*${label}="${value}"`, 'm').test(exposed);
    const unknown = labels.filter((label) => !known.has(label));
    const absent = values.filter(([label, value]) => known.has(label) && !isThere(label, value));
    return [
      ...unknown.map((label) => `${metric} has no label ${label}`),
      ...absent.map((pair) => `${metric} has no ${pair.join(' ')}`),
    ];
  }

  it('query series and labels that exist', async () => {
    for (const path of ['/health', '/livez', '/readyz', '/metrics', '/nowhere']) await request(path);
    const exposed = (await readApi()) + (await readWorker());
    const queries = [...readAlerts().map(({ expr }) => expr), ...readPanels().flatMap(queriesOf)];
    expect(queries.length).toBeGreaterThan(30);
    expect(queries.flatMap((query) => findMistakes(query, exposed))).toEqual([]);
    expect(
      [
        'prosemill_waiter',
        'prosemill_generation_seconds',
        'sum by (status) (prosemill_workers)',
        'prosemill_workers{state="redy"}',
        'prosemill_workers{state=~"ready|redy"}',
        'prosemill_workers{state!~"redy|readi"}',
      ].map((query) => findMistakes(query, exposed).length),
    ).toEqual([1, 1, 1, 1, 1, 2]);
    expect(() => selectionsOf('sum by (prosemill_waiters')).toThrow('Not PromQL');
  });

  it('have descriptions: a sentence and an action for each alert, a sentence for each panel', () => {
    const alerts = readAlerts();
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
    for (const { alert, labels, annotations } of alerts) {
      const [file, anchor = ''] = annotations.runbook_url.split('#');
      expect([alert, file, anchorsOf(operations).includes(anchor)]).toEqual([alert, 'docs/operations.md', true]);
      expect(operations).toContain(`\`${alert}\``);
      expect(annotations.summary).toMatch(/^\S.+\.$/);
      expect(['critical', 'warning']).toContain(labels.severity);
    }
    for (const { title, description = '' } of readPanels().filter(({ type }) => type !== 'row')) {
      expect([title, /^[A-Z\d].+\.$/.test(description)]).toEqual([title, true]);
    }
  });

  it('answer the four questions of an operator, in rows that do not overlap', () => {
    const panels = readPanels();
    expect(panels.filter(({ type }) => type === 'row').map(({ title }) => title)).toEqual([
      'Is it healthy?',
      'How long do people wait?',
      'How fast is the engine?',
      'What goes wrong?',
    ]);
    const cells = panels.flatMap(({ gridPos: { h, w, x, y } }) =>
      Array.from({ length: h * w }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
  });
});
