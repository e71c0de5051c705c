import { type ChildProcess, execFileSync, spawn, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

const module = new URL('create-logger.ts', import.meta.url).href;
/** Logs the number of lines that a message asks for, and answers. */
const script = `
  const { createLogger } = await import(${JSON.stringify(module)});
  const logger = createLogger({ level: 'info', pretty: process.env.PRETTY === 'yes', name: 'test' });
  const log = (lines) => { for (let line = 0; line < lines; line += 1) logger.info({ line }, 'a line of the log'); };
  process.on('message', (lines) => { log(lines); process.send('logged'); });
  if (process.env.MARK !== undefined) {
    log(50_000);
    (await import('node:fs')).writeFileSync(process.env.MARK, 'logged');
  }`;
const goesOn = 'the log goes on; lines that could not be written are missing';

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-log-'));
  onTestFinished(async () => await rm(folder, { recursive: true }));
  return folder;
}

function start(stdout: number | 'pipe', pretty = 'no'): ChildProcess {
  const stdio: StdioOptions = ['ignore', stdout, 'inherit', 'ipc'];
  const env = { ...process.env, PRETTY: pretty };
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio, env });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

/** Resolves when the process has logged this many lines, which shows that it does not hang. */
async function log(child: ChildProcess, lines: number): Promise<unknown> {
  child.send(lines);
  const [answer] = (await once(child, 'message')) as [unknown];
  return answer;
}

function openFile(path: string): number {
  const file = openSync(path, 'a');
  onTestFinished(() => closeSync(file));
  return file;
}

const linesOf = (content: string): readonly string[] => content.split('\n').slice(0, -1);
const isJson = (line: string): boolean => line.startsWith('{') && line.endsWith('}');

describe('the log', () => {
  it.each(['no', 'yes'])('does not block its process on a full device (pretty: %s)', async (pretty) => {
    const child = start(openFile('/dev/full'), pretty);
    expect([await log(child, 100), await log(child, 100)]).toEqual(['logged', 'logged']);
  });

  it.each(['no', 'yes'])('does not block its process when its reader is gone (pretty: %s)', async (pretty) => {
    const child = start('pipe', pretty);
    await log(child, 1);
    child.stdout?.destroy();
    expect([await log(child, 100), await log(child, 100)]).toEqual(['logged', 'logged']);
  });

  it('drops lines without a reader, goes on when one comes, and logs the number of missing lines', async () => {
    const child = start('pipe');
    await log(child, 50_000);
    let content = '';
    child.stdout?.on('data', (data: Buffer) => (content += data.toString()));
    await expect.poll(() => content).toContain(goesOn);
    await log(child, 1);
    child.kill();
    await once(child, 'close');
    const lines = linesOf(content).map((line) => JSON.parse(line) as Record<string, unknown>);
    const written = lines.filter(({ msg }) => msg === 'a line of the log').length;
    const lost = lines.findLast(({ msg }) => msg === goesOn)?.['lostLines'];
    expect(written + Number(lost)).toBe(50_001);
    expect(lost).toBeGreaterThan(1_000);
  });

  it('goes on, on a new line, when a full disk has room again', async () => {
    const path = join(await newFolder(), 'log');
    const child = start(openFile(path));
    await log(child, 10);
    // A limit of the file size interrupts a line in the middle, like a full disk.
    const limit = (bytes: number | 'unlimited') =>
      execFileSync('prlimit', ['--pid', String(child.pid), `--fsize=${bytes}:`]);
    limit(statSync(path).size + 50);
    await log(child, 20);
    limit('unlimited');
    await log(child, 10);
    const lines = linesOf(readFileSync(path, 'utf8'));
    expect(lines.map(isJson)).toEqual([...Array(10).fill(true), false, ...Array(11).fill(true)]);
    expect(lines.at(12)).toContain(goesOn);
    expect(lines.at(12)).toContain('"lostLines":20');
  });

  it('does not block its process when a terminal is stopped', async () => {
    const mark = join(await newFolder(), 'mark');
    const env = { ...process.env, NODE: process.execPath, SCRIPT: script, MARK: mark };
    // The terminal's own output is a pipe that nobody reads.
    const terminal = spawn('script', ['-qec', 'exec "$NODE" --input-type=module --eval "$SCRIPT"', '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env,
    });
    onTestFinished(() => void terminal.kill('SIGKILL'));
    await expect.poll(() => existsSync(mark), { timeout: 10_000 }).toBe(true);
  });
});
