/** The entry point of a decoder's threads besides the calling one. */
import { writeSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { errorLine } from '@prosemill/core';
import { collectGarbage } from '../collect-garbage.ts';
import { type DecoderSetup, ThreadStep } from './thread-step.ts';

export type ToThread =
  /** The first message. */
  | { readonly type: 'set-up'; readonly setup: DecoderSetup; readonly thread: number }
  /** The linear layers have been read. */
  | { readonly type: 'open'; readonly linears: readonly number[] }
  /** From here on the thread only looks at the command in the shared memory. */
  | { readonly type: 'serve' };

parentPort?.once('message', ({ setup, thread }: Extract<ToThread, { type: 'set-up' }>) => {
  const step = new ThreadStep(setup, thread);
  const command = new Int32Array(setup.memory.buffer, setup.plan.command, 1);
  parentPort?.on('message', (message: ToThread) => void receive(message, step, command));
});

async function receive(message: ToThread, step: ThreadStep, command: Int32Array): Promise<void> {
  if (message.type === 'serve') {
    await collectGarbage();
    await serve(step, command);
  }
  if (message.type !== 'open') return;
  await step.open(message.linears);
  parentPort?.postMessage('opened');
}

/** The next step mostly follows within this time; waking up would delay its first barrier. */
const lookMs = 0.3;

async function serve(step: ThreadStep, command: Int32Array): Promise<void> {
  for (let done = 0; ; done += 1) {
    const until = performance.now() + lookMs;
    while (Atomics.load(command, 0) === done && performance.now() < until);
    Atomics.wait(command, 0, done);
    await step.run().catch(endProcess);
  }
}

/** The calling thread waits for this one within the step, so it would never receive the error. */
function endProcess(error: unknown): void {
  writeSync(2, `A thread of the engine failed: ${errorLine(error)}\n`);
  process.kill(process.pid, 'SIGKILL');
}
