import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { startGroup } from './process-group.ts';

/** The state of the process, such as S for sleeping and T for stopped; null if there is none. */
async function stateOf(pid: number): Promise<string | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  return text === null ? null : (/\) (\w)/.exec(text)?.[1] ?? null);
}

it('suspends, resumes and ends a program with the processes that it started', async () => {
  const program = `const { pid } = require('node:child_process').spawn('sleep', ['1000']); console.log(pid);`;
  const group = await startGroup(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(group.child.stdout ?? expect.fail(), 'data')) as [Buffer];
  const pid = Number(line.toString());
  group.suspend();
  await expect.poll(async () => await stateOf(pid)).toBe('T');
  group.resume();
  await expect.poll(async () => await stateOf(pid)).toBe('S');
  expect(group.hasEnded()).toBe(false);
  await group.end();
  expect(group.hasEnded()).toBe(true);
  // An ended process may still wait for its parent to notice.
  await expect.poll(async () => await stateOf(pid)).toBeOneOf([null, 'Z']);
  await group.end();
});
