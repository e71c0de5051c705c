/** The entry point of a decoder's threads besides the calling one. */
import { parentPort, workerData } from 'node:worker_threads';
import { type DecoderSetup, ThreadStep } from './thread-step.ts';

export interface ThreadData {
  readonly setup: DecoderSetup;
  readonly thread: number;
}

export type ToThread =
  /** The linear layer has been read. */
  | { readonly type: 'open'; readonly linear: number }
  /** From here on the thread only looks at the command in the shared memory. */
  | { readonly type: 'serve' };

const { setup, thread } = workerData as ThreadData;
const step = new ThreadStep(setup, thread);
const command = new Int32Array(setup.memory.buffer, setup.plan.command, 1);

parentPort?.on('message', (message: ToThread) => void receive(message));

async function receive(message: ToThread): Promise<void> {
  if (message.type === 'serve') {
    await serve();
    return;
  }
  await step.open(message.linear);
  parentPort?.postMessage('opened');
}

/** The next step mostly follows within this time; waking up would delay its first barrier. */
const lookMs = 0.3;

async function serve(): Promise<void> {
  for (let done = 0; ; done += 1) {
    const until = performance.now() + lookMs;
    while (Atomics.load(command, 0) === done && performance.now() < until);
    Atomics.wait(command, 0, done);
    await step.run();
  }
}
