/** The clients of streams, in a process of their own: submits jobs with a stream each, and notes when texts come. */
import { nowMs } from './clock.ts';

/** A job to submit and stream. The seed names it. */
export interface StreamedWork {
  readonly prompt: string;
  readonly newTokens: number;
  readonly seed: number;
}

export interface ReadTask {
  readonly url: string;
  /** All are read at once. */
  readonly work: readonly StreamedWork[];
}

export interface StreamTimes {
  readonly seed: number;
  /** From the submit to the first event. */
  readonly firstEventMs: number;
  /** The new tokens of the job that have come so far, and the time. */
  readonly arrivals: readonly { readonly tokens: number; readonly atMs: number }[];
}

export type ReadReply = { readonly times: readonly StreamTimes[] } | { readonly error: string };

process.on('disconnect', () => process.exit(0));
process.on('message', (task: ReadTask) => void answer(task));

async function answer({ url, work }: ReadTask): Promise<void> {
  const times = Promise.all(work.map(async (each) => await readStream(url, each)));
  const reply: ReadReply = await times.then(
    (all) => ({ times: all }),
    (error: unknown) => ({ error: String(error) }),
  );
  process.send?.(reply);
}

/** Parses as little as possible, because this process shares the cores with the engine. */
async function readStream(url: string, { prompt, newTokens, seed }: StreamedWork): Promise<StreamTimes> {
  const begin = nowMs();
  let firstEventMs: number | null = null;
  const arrivals: { tokens: number; atMs: number }[] = [];
  const response = await fetch(`${url}/jobs`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'text/event-stream' },
    body: JSON.stringify({ prompt, max_new_tokens: newTokens, seed }),
  });
  if (response.status !== 200 || response.body === null)
    throw new Error(`${response.status}: ${await response.text()}`);
  let rest = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    firstEventMs ??= nowMs() - begin;
    const events = (rest + chunk).split('\n\n');
    rest = events.pop() ?? '';
    for (const event of events) {
      if (!event.startsWith('event: token')) continue;
      const { tokens } = JSON.parse(event.slice(event.indexOf('data: ') + 6)) as { readonly tokens: number };
      arrivals.push({ tokens, atMs: nowMs() });
    }
  }
  return { seed, firstEventMs: firstEventMs ?? Number.NaN, arrivals };
}
