/** One text of the playground, from its request to its end. It survives reloads: its request is safe to repeat. */
import { batch, computed, type ReadonlySignal, signal } from '@preact/signals';
import type { GenerationRequest, RetryRequest } from '@prosemill/client';
import type { JobBody } from '@prosemill/contract';
import type { Answer, PageProblem } from '../api.ts';
import { isOpen } from '../jobs/is-open.ts';
import type { Live } from '../live.ts';
import { cancelJob, createJob, getJob, retryJob } from '../requests.ts';
import { untilNextKey } from '../session.ts';
import { toast } from '../toast.ts';
import { explain } from '../problem-text.ts';
import { Speedometer } from './speed.ts';
import { TextFeed } from './text-feed.ts';
import { verifyJob, type VerifyState } from '../verify.ts';

/** A request for a text. With the same key it is the same job, however often it is sent. */
export interface Order {
  readonly key: string;
  readonly body: GenerationRequest;
  /** Repeats this job instead: the new one knows the old one. */
  readonly retry: { readonly of: string; readonly changes: RetryRequest } | null;
}

/** `refused`: there is no job. `stopping`: the service knows, and its worker is about to stop. */
export type Stage = 'sending' | 'refused' | 'stopping' | JobBody['status'];

export interface SampleOptions {
  readonly prompt: string;
  readonly live: Live;
  /** The request begins, again after a refusal, or is over: the job is known now, or there will be none. */
  readonly onTurn: () => void;
}

export class Sample {
  readonly prompt = signal('');
  readonly job = signal<JobBody | null>(null);
  /** The reason why there is no job (yet). */
  readonly problem = signal<PageProblem | null>(null);
  readonly speed = signal<number | null>(null);
  /** How often the text began anew after a fault. */
  readonly resets = signal(0);
  readonly isPinned = signal(false);
  readonly verification = signal<VerifyState | null>(null);
  readonly stage: ReadonlySignal<Stage> = computed(() => this.#findStage());
  readonly isOver = computed(() => this.stage.value === 'refused' || this.job.value?.finished_at != null);
  readonly #isStopping = signal(false);
  readonly #feed = new TextFeed();
  readonly #speedometer = new Speedometer();
  readonly #options: SampleOptions;
  readonly #leave = new AbortController();
  readonly #stopTrying = new AbortController();

  private constructor(options: SampleOptions) {
    this.#options = options;
    this.prompt.value = options.prompt;
  }

  /** Sends a request, and sends it again while that makes sense. */
  static order(order: Order, options: Omit<SampleOptions, 'prompt'>): Sample {
    const sample = new Sample({ ...options, prompt: order.body.prompt });
    const { key: idempotencyKey, body, retry } = order;
    const once = { idempotencyKey };
    void sample.#obtain(async () => (retry === null ? createJob(body, once) : retryJob(retry.of, retry.changes, once)));
    return sample;
  }

  /** Shows a job that is there already. */
  static ofJob(id: string, options: Omit<SampleOptions, 'prompt'>): Sample {
    const sample = new Sample({ ...options, prompt: '' });
    void sample.#obtain(async () => getJob(id));
    return sample;
  }

  get text(): ReadonlySignal<string> {
    return this.#feed.text;
  }

  get tokens(): ReadonlySignal<number> {
    return this.#feed.tokens;
  }

  /** The prompt and everything written so far. */
  whole(): string {
    return this.prompt.peek() + this.text.peek();
  }

  /** Ends the text within a token; everything written so far stays. A second time changes nothing. */
  async stop(): Promise<void> {
    if (this.isOver.peek() || this.#isStopping.peek()) return;
    this.#isStopping.value = true;
    const job = this.job.peek();
    const problem = this.problem.peek();
    if (job === null && problem !== null) {
      this.problem.value = { ...problem, retryAfterMs: null };
      this.#stopTrying.abort();
      this.#options.onTurn();
      return;
    }
    // The answer to a request that is under way may be a job: `#adopt` stops that.
    if (job === null) return;
    const answer = await cancelJob(job.id);
    if (answer.ok) return this.#show(answer.body);
    this.#isStopping.value = false;
    toast(explain(answer.problem).text);
  }

  async verify(): Promise<void> {
    const job = this.job.peek();
    if (job === null || this.verification.peek()?.kind === 'working') return;
    this.verification.value = { kind: 'working' };
    this.verification.value = await verifyJob(job);
  }

  /** Nobody looks any more; the job goes on. */
  dispose(): void {
    this.#leave.abort();
  }

  #findStage(): Stage {
    const job = this.job.value;
    if (job === null) {
      if (this.problem.value !== null && this.problem.value.retryAfterMs === null) return 'refused';
      return this.#isStopping.value ? 'stopping' : 'sending';
    }
    return isOpen(job) && (this.#isStopping.value || job.cancel_requested_at !== null) ? 'stopping' : job.status;
  }

  async #obtain(request: () => Promise<Answer<JobBody>>): Promise<void> {
    const isEnough = AbortSignal.any([this.#leave.signal, this.#stopTrying.signal]);
    while (!isEnough.aborted) {
      const answer = await request();
      if (this.#leave.signal.aborted) return;
      if (answer.ok) return this.#adopt(answer.body);
      const retryAfterMs = this.#isStopping.peek() ? null : answer.problem.retryAfterMs;
      this.problem.value = { ...answer.problem, retryAfterMs };
      if (retryAfterMs !== null) {
        await sleep(retryAfterMs, isEnough);
        continue;
      }
      this.#options.onTurn();
      if (explain(answer.problem).help !== 'key' || isEnough.aborted) return;
      await orAborted(untilNextKey(), isEnough);
      if (isEnough.aborted) return;
      this.problem.value = null;
      this.#options.onTurn();
    }
  }

  #adopt(job: JobBody): void {
    const isStopping = this.#isStopping.peek();
    batch(() => {
      this.problem.value = null;
      this.#isStopping.value = false;
      this.#show(job);
    });
    this.#options.onTurn();
    if (job.finished_at !== null) return;
    const unwatch = this.#options.live.watchJob(job.id, {
      onStatus: (changed) => this.#show(changed),
      onTokens: ({ text, tokens }) => {
        this.#feed.append(text, tokens);
        this.speed.value = this.#speedometer.note(tokens, performance.now());
      },
      onReset: () => {
        this.resets.value += 1;
        this.#feed.replace('', 0);
      },
      onCompleted: (ended) => this.#show(ended),
      onFailed: (problem) => {
        this.problem.value = problem;
      },
    });
    this.#leave.signal.addEventListener('abort', unwatch);
    if (isStopping) void this.stop();
  }

  #show(job: JobBody): void {
    this.job.value = job;
    this.prompt.value = job.prompt;
    if (job.output !== null) this.#feed.replace(job.output.completion, job.usage?.completion_tokens ?? 0);
  }
}

async function orAborted(promise: Promise<void>, end: AbortSignal): Promise<void> {
  const aborted = new Promise<void>((resolve) => end.addEventListener('abort', () => resolve()));
  return Promise.race([promise, aborted]);
}

async function sleep(ms: number, end: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    end.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
