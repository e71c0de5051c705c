/** One connection of the stream: from its request to its end, whichever way that comes. */
import type { LiveEvent, LiveFilters } from '@prosemill/client';
import type { Answer, PageProblem } from './api.ts';

export type OpenStream = (filters: LiveFilters, signal: AbortSignal) => Promise<Answer<AsyncIterable<LiveEvent>>>;

export interface ConnectionEnd {
  /** `ended`: by the service. `broken`: on the way, or silent. `refused`: by a problem that stays. */
  readonly kind: 'ended' | 'broken' | 'refused';
  readonly problem: PageProblem | null;
  /** It had events, and for a while: the next failure is the first one again. */
  readonly wasGood: boolean;
  /** The time after which the service wants the next connection. */
  readonly retryMs: number;
}

export interface ConnectionOptions {
  readonly open: OpenStream;
  readonly filters: LiveFilters;
  readonly signal: AbortSignal;
  readonly onOpen: () => void;
  readonly onEvent: (event: Exclude<LiveEvent, number>) => void;
}

const goodMs = 2_000;
const defaultRetryMs = 2_000;

/** @returns when the connection has ended; never throws */
export async function runConnection({
  open,
  filters,
  signal,
  onOpen,
  onEvent,
}: ConnectionOptions): Promise<ConnectionEnd> {
  const startedAt = performance.now();
  let events = 0;
  let retryMs = defaultRetryMs;
  const end = (kind: ConnectionEnd['kind'], problem: PageProblem | null = null): ConnectionEnd => {
    return { kind, problem, wasGood: events > 0 && performance.now() - startedAt > goodMs, retryMs };
  };
  const answer = await open(filters, signal);
  if (!answer.ok) {
    const { code, retryAfterMs } = answer.problem;
    retryMs = retryAfterMs ?? retryMs;
    return end(retryAfterMs === null ? 'refused' : 'broken', code === 'no_answer' ? null : answer.problem);
  }
  onOpen();
  try {
    for await (const event of answer.body) {
      if (typeof event === 'number') {
        retryMs = event;
        continue;
      }
      events += 1;
      onEvent(event);
    }
    return end('ended');
  } catch {
    return end('broken');
  }
}
