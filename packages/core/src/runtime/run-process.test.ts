import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { stopSignals } from './run-process.ts';

const module = new URL('run-process.ts', import.meta.url).href;
const script = `
  const { runProcess } = await import(${JSON.stringify(module)});
  const error = Object.assign(new Error('new row violates a constraint'), { detail: 'Failing row: a prompt' });
  await runProcess(async () => {
    void Promise.reject(error);
    return { failed: new Promise(() => setTimeout(() => undefined, 60_000)), stop: async () => undefined };
  });`;

describe('a process with a bug', () => {
  it('exits with 1, and prints the message and the stack, but no other property of the error', () => {
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
      encoding: 'utf8',
    });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^prosemill: Error: new row violates a constraint\n +at /m);
    expect(stderr).not.toContain('a prompt');
  });
});

/** Its stop ends when the test sends a message. */
const stoppable = `
  const { runProcess } = await import(${JSON.stringify(module)});
  await runProcess(async () => {
    process.send('started');
    return {
      failed: new Promise(() => setInterval(() => undefined, 60_000)),
      async stop(signal) {
        process.send(signal);
        await new Promise((resolve) => process.once('message', resolve));
      },
    };
  });`;

async function start() {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', stoppable], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child, 'message');
  return child;
}

describe('a process that is told to stop', () => {
  it.each(stopSignals)('stops in order on %s, and exits with 0', async (signal) => {
    const child = await start();
    child.kill(signal);
    expect(await once(child, 'message')).toContain(signal);
    child.send('end');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('exits at once on a second signal, but not on a second SIGHUP: a closed terminal sends two', async () => {
    const child = await start();
    child.kill('SIGHUP');
    await once(child, 'message');
    child.kill('SIGHUP');
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([1, null]);
    const other = await start();
    other.kill('SIGHUP');
    await once(other, 'message');
    other.kill('SIGHUP');
    other.send('end');
    expect(await once(other, 'exit')).toEqual([0, null]);
  });
});
