/** The progress of a batch: a bar on a terminal. Elsewhere nothing, as its lines would fill a log. */
import type { BatchLine } from './batch-run.ts';
import { type Output, showControl } from './output.ts';

export interface BatchProgressOptions {
  readonly total: number;
  /** Lines with results of earlier runs. */
  readonly done: number;
  readonly failed: number;
  readonly output: Output;
}

const drawMs = 200;
const barWidth = 24;
const clearLine = '\r\u001B[K';

export class BatchProgress {
  readonly #options: BatchProgressOptions;
  readonly #startedAt = performance.now();
  #added = 0;
  #failed: number;
  #note = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(options: BatchProgressOptions) {
    this.#options = options;
    this.#failed = options.failed;
  }

  start(): void {
    const { done, total, output } = this.#options;
    if (done > 0) output.remark(`${done} of ${total} lines have results already.`);
    if (output.hasTerminalForNotes) this.#timer = setInterval(() => this.#draw(), drawMs);
  }

  stop(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#draw();
    process.stderr.write('\n');
  }

  add({ status }: Pick<BatchLine, 'status'>): void {
    this.#added += 1;
    this.#note = '';
    if (status !== 'succeeded') this.#failed += 1;
  }

  /** Shows the reason of a wait until the next result. */
  note(reason: string): void {
    this.#note = reason;
  }

  #draw(): void {
    const { total, done } = this.#options;
    const width = process.stderr.columns || 80;
    const seconds = (performance.now() - this.#startedAt) / 1_000;
    const line = describeProgress({ total, done, added: this.#added, failed: this.#failed, seconds });
    const text = this.#note === '' ? line : `${line}  ${showControl(this.#note)}`;
    process.stderr.write(`${clearLine}${text.slice(0, width - 1)}`);
  }
}

/** `added`: results of this run, in so many seconds. */
export function describeProgress({
  total,
  done,
  added,
  failed,
  seconds,
}: Record<'total' | 'done' | 'added' | 'failed' | 'seconds', number>): string {
  const share = Math.min(1, (done + added) / total);
  const full = Math.floor(share * barWidth);
  const rate = seconds > 0 ? added / seconds : 0;
  const left = total - done - added;
  const parts = [
    `[${'#'.repeat(full)}${'-'.repeat(barWidth - full)}]`,
    `${done + added}/${total}`,
    `${Math.floor(share * 100)}%`,
    `${rate.toFixed(rate < 10 ? 1 : 0)}/s`,
    ...(left > 0 && rate > 0 ? [`${duration(left / rate)} left`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
  ];
  return parts.join('  ');
}

function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`;
}
