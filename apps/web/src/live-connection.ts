/** One connection of the stream: from its request to its end, whichever way that comes. */
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import type { PageProblem } from './api.ts';

/** @returns the answer that is a stream, else the problem; throws when there is no answer */
export type OpenStream = (path: string, signal: AbortSignal) => Promise<Response | PageProblem>;

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
  readonly path: string;
  readonly signal: AbortSignal;
  readonly onOpen: () => void;
  readonly onEvent: (event: EventSourceMessage) => void;
}

/** The service sends a comment every 15 s, so this is three of them. */
const silentMs = 45_000;
const goodMs = 2_000;
const defaultRetryMs = 2_000;

/** @returns when the connection has ended; never throws */
export async function runConnection({
  open,
  path,
  signal,
  onOpen,
  onEvent,
}: ConnectionOptions): Promise<ConnectionEnd> {
  const startedAt = performance.now();
  const silence = new AbortController();
  let silenceTimer: ReturnType<typeof setTimeout> | undefined;
  let events = 0;
  let retryMs = defaultRetryMs;

  const noteLife = (): void => {
    clearTimeout(silenceTimer);
    silenceTimer = setTimeout(() => silence.abort(), silentMs);
  };
  const end = (kind: ConnectionEnd['kind'], problem: PageProblem | null = null): ConnectionEnd => {
    clearTimeout(silenceTimer);
    return { kind, problem, wasGood: events > 0 && performance.now() - startedAt > goodMs, retryMs };
  };

  noteLife();
  try {
    const answer = await open(path, AbortSignal.any([signal, silence.signal]));
    if (!(answer instanceof Response)) {
      retryMs = answer.retryAfterMs ?? retryMs;
      return end(answer.retryAfterMs === null ? 'refused' : 'broken', answer);
    }
    onOpen();
    await readEvents(answer, noteLife, {
      onEvent(event) {
        events += 1;
        onEvent(event);
      },
      onRetry(ms) {
        retryMs = ms;
      },
    });
    return end('ended');
  } catch {
    return end('broken');
  }
}

async function readEvents(
  { body }: Response,
  onChunk: () => void,
  callbacks: Parameters<typeof createParser>[0],
): Promise<void> {
  if (body === null) return;
  const parser = createParser(callbacks);
  const decoder = new TextDecoder();
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    onChunk();
    parser.feed(decoder.decode(value, { stream: true }));
  }
}
