/** The clients of streams, in a process of their own: submits jobs with a stream each, and notes when texts come. */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
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

/** Notes only the chunks and their times until the end, because this process shares the cores with the engine. */
async function readStream(url: string, { prompt, newTokens, seed }: StreamedWork): Promise<StreamTimes> {
  const begin = nowMs();
  const call = request(`${url}/jobs`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'text/event-stream' },
  });
  call.end(JSON.stringify({ prompt, max_new_tokens: newTokens, seed }));
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  const chunks: { readonly chunk: Buffer; readonly atMs: number }[] = [];
  response.on('data', (chunk: Buffer) => chunks.push({ chunk, atMs: nowMs() }));
  await once(response, 'end');
  if (response.statusCode !== 200) {
    throw new Error(`${response.statusCode}: ${Buffer.concat(chunks.map(({ chunk }) => chunk)).toString()}`);
  }
  return { seed, firstEventMs: (chunks[0]?.atMs ?? Number.NaN) - begin, arrivals: arrivalsIn(chunks) };
}

function arrivalsIn(chunks: readonly { readonly chunk: Buffer; readonly atMs: number }[]): StreamTimes['arrivals'] {
  const decoder = new TextDecoder();
  let rest = '';
  return chunks.flatMap(({ chunk, atMs }) => {
    const events = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
    rest = events.pop() ?? '';
    return events.flatMap((event) => {
      if (!event.startsWith('event: token')) return [];
      const { tokens } = JSON.parse(event.slice(event.indexOf('data: ') + 6)) as { readonly tokens: number };
      return [{ tokens, atMs }];
    });
  });
}
