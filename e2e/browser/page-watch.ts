/**
 * Watches all tabs of a browser context, and finds anything that a reader of the page should never meet: an error in
 * the console, a request to somebody else, an answer that failed, a task that blocks the page.
 */
import type { Browser, BrowserContext, CDPSession, ConsoleMessage, Page } from 'playwright-core';

export interface PageWatchOptions {
  readonly browser: Browser;
  /** The address of the service. */
  readonly url: string;
}

const longTaskMs = 200;

/**
 * Chromium's trace has each task of a page with the CPU time of its thread. The `longtask` entries of the page itself
 * have wall time, which also counts the work of other processes on a busy machine.
 */
const traceOptions = {
  transferMode: 'ReturnAsStream' as const,
  tracingBackend: 'chrome' as const,
  traceConfig: { includedCategories: ['disabled-by-default-devtools.timeline'], excludedCategories: ['*'] },
};

interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  /** Its beginning and its duration by the machine's monotonic clock, µs. */
  readonly ts: number;
  readonly dur?: number;
  /** CPU time of the thread, µs. */
  readonly tdur?: number;
  readonly args: { readonly name?: string };
}

/** A span of the machine's monotonic clock, µs. */
interface Span {
  readonly from: number;
  readonly until: number;
}

export class PageWatch {
  readonly context: BrowserContext;
  /** Requests may go to these. */
  readonly origins: Set<string>;
  /** A session of the whole browser, for traces. */
  readonly #session: CDPSession;
  readonly #faults: string[] = [];
  /** Requests without an answer, and answers that are errors: `POST /jobs 503`, `GET /health net::ERR_…`. */
  readonly #failures: string[] = [];
  readonly #expected: RegExp[] = [];
  readonly #unmeasured: Span[] = [];

  private constructor(context: BrowserContext, session: CDPSession, url: string) {
    this.context = context;
    this.origins = new Set([new URL(url).origin]);
    this.#session = session;
  }

  static async start({ browser, url }: PageWatchOptions): Promise<PageWatch> {
    const context = await browser.newContext({ baseURL: url, permissions: ['clipboard-read', 'clipboard-write'] });
    const watch = new PageWatch(context, await browser.newBrowserCDPSession(), url);
    watch.#listen();
    await watch.#session.send('Tracing.start', traceOptions);
    return watch;
  }

  /** Opens a tab, or another one of the same reader. */
  async openTab(): Promise<Page> {
    return await this.context.newPage();
  }

  /**
   * Declares failures that the test brings about. At least one must come.
   * @param failure  Compared with lines like `POST /jobs 503` and `GET /live?topic=jobs net::ERR_CONNECTION_REFUSED`.
   */
  expectFailures(failure: RegExp): void {
    this.#expected.push(failure);
  }

  /** Does something that is not the page's own work: a check that a test runs inside of it. */
  async unmeasured<Value>(act: () => Promise<Value>): Promise<Value> {
    const from = monotonicUs();
    try {
      return await act();
    } finally {
      this.#unmeasured.push({ from, until: monotonicUs() });
    }
  }

  /**
   * Closes all tabs.
   * @returns everything that should not have been
   */
  async end(): Promise<readonly string[]> {
    // The end of a trace takes 5 s while tabs are open.
    await this.context.close();
    await this.#noteLongTasks();
    await this.#session.detach();
    const isExpected = (failure: string): boolean => this.#expected.some((pattern) => pattern.test(failure));
    const missing = this.#expected.filter((pattern) => !this.#failures.some((failure) => pattern.test(failure)));
    return [
      ...this.#faults,
      ...this.#failures.filter((failure) => !isExpected(failure)).map((failure) => `failed request: ${failure}`),
      ...missing.map((pattern) => `no request failed like ${pattern}`),
    ];
  }

  #listen(): void {
    this.context.on('console', (message) => this.#noteMessage(message));
    this.context.on('weberror', (event) => this.#faults.push(`error: ${event.error().stack}`));
    this.context.on('request', (request) => {
      const { origin, protocol } = new URL(request.url());
      if (protocol.startsWith('http') && !this.origins.has(origin)) {
        this.#faults.push(`request to another origin: ${request.url()}`);
      }
    });
    this.context.on('response', (response) => {
      if (response.status() >= 400) this.#noteFailure(response.request(), String(response.status()));
    });
    this.context.on('requestfailed', (request) => {
      const reason = request.failure()?.errorText ?? 'failed';
      // The page left, or wanted the answer no more.
      if (reason !== 'net::ERR_ABORTED') this.#noteFailure(request, reason);
    });
  }

  /** Violations of the Content-Security-Policy and of Trusted Types are errors of the console too. */
  #noteMessage(message: ConsoleMessage): void {
    // Chromium's words for a failed request, which counts as one.
    if (message.text().startsWith('Failed to load resource:')) return;
    if (message.type() === 'error' || message.type() === 'warning') {
      this.#faults.push(`console: ${message.text()} (${message.location().url})`);
    }
  }

  #noteFailure(request: { method: () => string; url: () => string }, reason: string): void {
    const { pathname, search } = new URL(request.url());
    this.#failures.push(`${request.method()} ${pathname}${search} ${reason}`);
  }

  async #noteLongTasks(): Promise<void> {
    const complete = new Promise<{ readonly stream?: string }>((resolve) => {
      this.#session.once('Tracing.tracingComplete', resolve);
    });
    await this.#session.send('Tracing.end');
    const { stream = '' } = await complete;
    const { traceEvents } = JSON.parse(await this.#read(stream)) as { readonly traceEvents: TraceEvent[] };
    for (const { ts, dur = 0, tdur = 0 } of tasksOfPages(traceEvents)) {
      const isMeasured = this.#unmeasured.every(({ from, until }) => ts + dur < from || ts > until);
      const ms = tdur / 1_000;
      if (isMeasured && ms > longTaskMs) this.#faults.push(`a task of ${Math.round(ms)} ms of CPU time`);
    }
  }

  async #read(handle: string): Promise<string> {
    let text = '';
    for (;;) {
      const { data, base64Encoded, eof } = await this.#session.send('IO.read', { handle });
      text += base64Encoded === true ? Buffer.from(data, 'base64').toString() : data;
      if (eof) return text;
    }
  }
}

function tasksOfPages(events: readonly TraceEvent[]): readonly TraceEvent[] {
  const threadOf = ({ pid, tid }: TraceEvent): string => `${pid}/${tid}`;
  const mainThreads = new Set(
    events.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain').map(threadOf),
  );
  return events.filter((event) => event.name === 'RunTask' && mainThreads.has(threadOf(event)));
}

const monotonicUs = (): number => Number(process.hrtime.bigint() / 1_000n);
