/** Open pages that look at the machine, in a process of their own: each holds one stream, as the page does. */
import { once } from 'node:events';
import { type ClientRequest, get, type IncomingMessage } from 'node:http';

export type PageTask = { readonly open: number; readonly url: string } | 'close';

export interface PageReply {
  /** Received by all pages since they were opened. */
  readonly events: number;
  readonly bytes: number;
  /** CPU time of this process since then. */
  readonly cpuSeconds: number;
}

const paths = ['/machine?history=900', '/jobs?limit=50'];
let calls: ClientRequest[] = [];
let received = { events: 0, bytes: 0 };
let usageAtOpening = process.cpuUsage();

process.on('disconnect', () => process.exit(0));
process.on('message', (task: PageTask) => void (task === 'close' ? close() : open(task)));

/** Replies when every page has its first event. */
async function open({ open: pages, url }: Exclude<PageTask, 'close'>): Promise<void> {
  received = { events: 0, bytes: 0 };
  await Promise.all(Array.from({ length: pages }, async () => await openPage(url)));
  usageAtOpening = process.cpuUsage();
  reply();
}

/** Reads as little as possible, because this process shares the cores with the engine. */
async function openPage(url: string): Promise<void> {
  for (const path of paths) (await answerTo(get(`${url}${path}`))).resume();
  const call = get(`${url}/live?topic=jobs&topic=machine`);
  calls.push(call);
  call.on('error', () => undefined);
  const stream = await answerTo(call);
  stream.on('error', () => undefined);
  stream.on('data', (chunk: Buffer) => {
    received = { events: received.events + 1, bytes: received.bytes + chunk.length };
  });
  await once(stream, 'data');
}

async function answerTo(call: ClientRequest): Promise<IncomingMessage> {
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  if (response.statusCode !== 200) throw new Error(`${call.path}: ${response.statusCode}`);
  return response;
}

function close(): void {
  for (const call of calls) call.destroy();
  calls = [];
  reply();
}

function reply(): void {
  const { user, system } = process.cpuUsage(usageAtOpening);
  process.send?.({ ...received, cpuSeconds: (user + system) / 1e6 } satisfies PageReply);
}
