import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

const module = new URL('run-process.ts', import.meta.url).href;
const script = `
  const { runProcess } = await import(${JSON.stringify(module)});
  const error = Object.assign(new Error('new row violates a constraint'), { detail: 'Failing row: a prompt' });
  await runProcess(async () => {
    void Promise.reject(error);
    return { failed: new Promise(() => setTimeout(() => undefined, 60_000)), stop: async () => undefined };
  });`;

describe('a process with a bug', () => {
  it('ends with 1, and says what and where, but not the data that the error carries', () => {
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
      encoding: 'utf8',
    });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^prosemill: Error: new row violates a constraint\n +at /m);
    expect(stderr).not.toContain('a prompt');
  });
});
