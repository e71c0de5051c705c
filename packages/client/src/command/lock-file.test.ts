import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { lockFile } from './lock-file.ts';

const processes = 4;
const rounds = 60;
/** No process has this id: Linux and macOS give smaller ones. */
const goneLock = JSON.stringify({ pid: 2 ** 30, host: hostname() });

const ask = async (child: ChildProcess, message: string): Promise<unknown> => {
  const answered = once(child, 'message');
  child.send(message);
  return ((await answered) as [unknown])[0];
};

it('gives a lock whose process is gone to one of the processes that find it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-lock-'));
  const path = join(folder, 'a.lock');
  const program = fileURLToPath(new URL('test-lock-process.ts', import.meta.url));
  const children = Array.from({ length: processes }, () => fork(program, [path], { execArgv: [] }));
  onTestFinished(async () => {
    for (const child of children) child.kill();
    await rm(folder, { recursive: true });
  });
  for (let round = 0; round < rounds; round += 1) {
    await writeFile(path, goneLock);
    const answers = await Promise.all(children.map(async (child) => await ask(child, 'take')));
    expect(answers.filter((answer) => answer === 'taken')).toHaveLength(1);
    expect(answers.filter((answer) => String(answer).includes('runs this batch'))).toHaveLength(processes - 1);
    await Promise.all(children.map(async (child) => await ask(child, 'leave')));
  }
  expect(await readdir(folder)).toEqual([]);
});

it.each([
  ['a process that was killed while it looked', { '.stale': goneLock }],
  ['several of them', { '.stale': goneLock, '.stale.stale': goneLock }],
  ['a file of something else', { '': 'nonsense' }],
])('is not held by %s', async (_, files) => {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-lock-'));
  onTestFinished(async () => await rm(folder, { recursive: true }));
  const path = join(folder, 'a.lock');
  for (const [ending, content] of Object.entries({ '': goneLock, ...files })) await writeFile(path + ending, content);
  await (
    await lockFile(path)
  )();
  expect(await readdir(folder)).toEqual([]);
});
