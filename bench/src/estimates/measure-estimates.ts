/** Measures how far estimates are from the truth under a steady load, and what they cost in a long queue. */
import { setTimeout as pause } from 'node:timers/promises';
import { type Database, launchMeasuredService } from '../measured-service.ts';
import { median } from '../statistics.ts';
import { spread } from '../work.ts';

export interface EstimatesOptions {
  readonly database: Database;
  /** Unfinished jobs during the steady load: three full batches. */
  readonly unfinished: number;
  readonly warmUpMs: number;
  readonly steadyMs: number;
  /** Waiting jobs while submits are timed. */
  readonly queued: number;
  readonly submits: number;
  readonly onPass: (text: string) => void;
}

export interface EstimatesMeasurement {
  readonly database: Database;
  /** Jobs of the steady load whose estimate was compared. */
  readonly compared: number;
  /** |estimate − truth| ÷ truth, of the time from the submit to the end. */
  readonly medianError: number;
  readonly p90Error: number;
  readonly submitMs: { readonly median: number; readonly p99: number };
  /** Submits whose answer had no estimate. */
  readonly withoutEstimate: number;
}

interface JobBody {
  readonly id: string;
  readonly status: string;
  readonly created_at: string;
  readonly finished_at: string | null;
  readonly queue: { readonly position: number; readonly estimated_finish_at: string | null } | null;
}

const textTokens = [16, 180] as const;
const fillers = 50;
const settings = { MODEL: 'shipped', ENGINE_THREADS: '1', MAX_QUEUE_LENGTH: '20000', MAX_QUEUED_TOKENS: '20000000' };

export async function measureEstimates(options: EstimatesOptions): Promise<EstimatesMeasurement> {
  const { database, onPass } = options;
  const service = await launchMeasuredService({ database, settings });
  try {
    onPass(`${database}: a steady load`);
    const errors = await measureErrors(service.url, options);
    onPass(`${database}: ${options.queued} waiting jobs`);
    const { times, withoutEstimate } = await measureSubmits(service.url, options);
    return {
      database,
      compared: errors.length,
      medianError: median(errors),
      p90Error: percentile(errors, 0.9),
      submitMs: { median: median(times), p99: percentile(times, 0.99) },
      withoutEstimate,
    };
  } finally {
    await service.stop();
  }
}

/** As many clients as jobs: each submits its next job when its last one has ended. */
async function measureErrors(url: string, { unfinished, warmUpMs, steadyMs }: EstimatesOptions) {
  const beganAt = performance.now();
  const errors: number[] = [];
  let submitted = 0;
  const clients = Array.from({ length: unfinished }, async () => {
    for (;;) {
      const sinceMs = performance.now() - beganAt;
      if (sinceMs > warmUpMs + steadyMs) return;
      submitted += 1;
      const job = await submit(url, spread(submitted, textTokens));
      const ended = await waitFor(url, job.id);
      const estimate = job.queue?.estimated_finish_at ?? null;
      if (sinceMs > warmUpMs && estimate !== null) errors.push(errorOf(estimate, ended));
    }
  });
  await Promise.all(clients);
  return errors;
}

/** One submit after the other, so that a time is that of a submit and of no queue in the client. */
async function measureSubmits(url: string, { queued, submits }: EstimatesOptions) {
  const longest = textTokens[1];
  let left = queued;
  const fill = Array.from({ length: fillers }, async () => {
    while ((left -= 1) >= 0) await submit(url, longest);
  });
  await Promise.all(fill);
  // Workers begin jobs meanwhile.
  while (((await submit(url, longest)).queue?.position ?? 0) < queued);
  const times: number[] = [];
  let withoutEstimate = 0;
  for (let count = 0; count < submits; count += 1) {
    const startedAt = performance.now();
    const { queue } = await submit(url, longest);
    times.push(performance.now() - startedAt);
    if (queue?.estimated_finish_at == null) withoutEstimate += 1;
  }
  return { times, withoutEstimate };
}

async function submit(url: string, newTokens: number): Promise<JobBody> {
  const response = await fetch(`${url}/jobs`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ prompt: 'Once upon a time there was a king', max_new_tokens: newTokens }),
  });
  if (response.status !== 202) throw new Error(`${response.status}: ${await response.text()}`);
  return (await response.json()) as JobBody;
}

async function waitFor(url: string, id: string): Promise<JobBody> {
  for (;;) {
    const job = (await (await fetch(`${url}/jobs/${id}?wait=60`)).json()) as JobBody;
    if (job.finished_at !== null) return job;
    await pause(0);
  }
}

function errorOf(estimate: string, { created_at: createdAt, finished_at: finishedAt }: JobBody): number {
  const [created, finished] = [Date.parse(createdAt), Date.parse(finishedAt ?? '')];
  return Math.abs(Date.parse(estimate) - finished) / (finished - created);
}

function percentile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1] ?? Number.NaN;
}
