/** The command line on the real service. */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, type ProsemillClient } from '@prosemill/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Service } from '../launch.ts';
import { launchEmbedded } from '../sizes.ts';
import { commandEnvironment, commandFile, type Ended, endOf, startCommand } from './command-process.ts';
import { expectWholeBatch } from './killed-batch.ts';

let service: Service;
let client: ProsemillClient;
let folder: string;
beforeAll(async () => {
  service = await launchEmbedded({ WORKERS: '4' });
  client = createClient({ url: service.url });
  folder = await mkdtemp(join(tmpdir(), 'prosemill-command-'));
});
afterAll(async () => {
  await service.stop();
  await rm(folder, { recursive: true });
});

const prosemill = async (...args: readonly string[]): Promise<Ended> =>
  await endOf(startCommand(args, { url: service.url }));
const complete = async (...words: readonly string[]) =>
  (await prosemill('complete', '--', ...words)).stdout.split('\n').map((line) => line.split('\t')[0]);

/** @param keys  Typed when the first output appears. */
async function onTerminal(args: readonly string[], { keys = '', environment = {} } = {}): Promise<Ended> {
  const command = ['"$NODE"', '"$PROGRAM"', ...args].join(' ');
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    env: { ...commandEnvironment(service.url), NODE: process.execPath, PROGRAM: commandFile, ...environment },
  });
  const ended = endOf(child);
  child.stdout.once('data', () => child.stdin.write(keys));
  return await ended;
}

const short = ['Once', '--max-new-tokens', '6', '--seed', '7'] as const;
const long = { prompt: 'Once', max_new_tokens: 480 } as const;

it('generates, waits, watches, verifies and lists', async () => {
  const generated = await prosemill('generate', ...short);
  expect(generated).toEqual({ code: 0, stdout: expect.stringMatching(/^Once.+\n$/), stderr: '' });
  const id = (await prosemill('submit', ...short)).stdout.trim();
  expect(await prosemill('wait', id)).toEqual(generated);
  expect(await prosemill('watch', id)).toEqual(generated);
  expect(await endOf(startCommand(['generate', ...short.slice(1)], { url: service.url, input: 'Once\n' }))).toEqual(
    generated,
  );
  expect((await prosemill('verify', id)).stdout).toMatch(/^identical/);
  expect((await prosemill('cancel', id)).stdout).toBe('The job is succeeded.\n');
  expect((await prosemill('jobs', '--status', 'succeeded')).stdout).toContain(id);
  expect((await prosemill('jobs', '--search', 'ONCE')).stdout).toContain(id);
  expect((await prosemill('jobs', '--search', 'nowhere')).stdout).not.toContain(id);
  expect((await prosemill('history')).stdout).toContain(generated.stdout);
  expect((await prosemill('status')).stdout).toMatch(/status\s+healthy/);
});

it('answers --json with lines of JSON', async () => {
  const id = (await prosemill('submit', ...short)).stdout.trim();
  const commands = [
    ['generate', ...short],
    ['submit', ...short],
    ['wait', id],
    ['watch', id],
    ['verify', id],
    ['cancel', id],
    ['jobs'],
    ['history'],
    ['status'],
  ];
  for (const command of commands) {
    const { code, stdout, stderr } = await prosemill(...command, '--json');
    expect([command, code, stderr]).toEqual([command, 0, '']);
    const values = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    expect(values.every((value) => typeof value === 'object' && value !== null)).toBe(true);
  }
  const refused = await prosemill('generate', 'I', 'hate', 'it', '--json');
  expect(refused).toMatchObject({ code: 3, stdout: '' });
  expect(JSON.parse(refused.stderr)).toMatchObject({ error: { code: 'prompt_refused', problem: { status: 400 } } });
});

it.each([
  [['nonsense'], 2, "error: unknown command 'nonsense'"],
  [['generate', 'a', '--seed', '0x1'], 2, 'It must be a number in plain decimals.'],
  [['generate'], 2, 'prosemill: The prompt on standard input is empty.'],
  [['status', '--url', 'localhost'], 2, 'prosemill: --url: localhost is no address'],
  [['generate', 'I', 'hate', 'it'], 3, 'prosemill: '],
  [['wait', '00000000-0000-7000-8000-000000000000'], 3, 'prosemill: '],
  [['batch', 'run', '/nowhere/prompts.jsonl'], 1, 'prosemill: ENOENT'],
])('ends %o with the code %i, and names the error', async (args, code, expected) => {
  const ended = await prosemill(...args);
  expect(ended).toMatchObject({ code, stdout: '' });
  expect(ended.stderr).toContain(expected);
  expect(ended.stderr).not.toContain('    at ');
});

it('ends with the code 4 when no service answers', async () => {
  expect(await prosemill('status', '--url', 'http://127.0.0.1:1')).toMatchObject({ code: 4, stdout: '' });
});

it('ends with the code 5 when a job has no text', async () => {
  const { id } = await client.submit(long);
  await client.cancel(id);
  expect(await prosemill('wait', id)).toMatchObject({ code: 5, stderr: `The job ${id} is canceled: no text\n` });
});

it('explains its commands, and so does their page', async () => {
  const page = await readFile(new URL('../../docs/command-line.md', import.meta.url), 'utf8');
  const { code, stdout } = await prosemill('--help');
  expect(code).toBe(0);
  const names = [...stdout.matchAll(/^ {2}([a-z]+) .*[a-z]/gm)].map(([, name = '']) => name);
  const commands = names.filter((name) => name !== 'help');
  expect(commands).toContain('generate');
  expect(commands.filter((name) => !page.includes(`\`${name}`))).toEqual([]);
  for (const name of commands) expect((await prosemill(name, '--help')).stdout).toMatch(/Examples:|Commands:/);
});

it('ends quietly when its reader closes the pipe', async () => {
  // More than a pipe holds.
  const requests = Array.from({ length: 100 }, () => ({ prompt: 'Once', max_new_tokens: 1 }));
  expect(await Array.fromAsync(client.batch(requests))).toHaveLength(100);
  expect((await prosemill('jobs', '--json', '-n', '100')).stdout.length).toBeGreaterThan(65_536);
  const command = `'${process.execPath}' '${commandFile}' jobs --json -n 100 | head -c 20; echo " \${PIPESTATUS[0]}"`;
  const shell = spawn('bash', ['--norc', '-c', command], { env: commandEnvironment(service.url) });
  expect(await endOf(shell)).toEqual({ code: 0, stdout: expect.stringMatching(/^.{20} 0\n$/), stderr: '' });
});

describe('completion', () => {
  it('knows commands, options and choices', async () => {
    expect(await complete('')).toEqual(expect.arrayContaining(['generate', 'batch', 'completion']));
    expect(await complete('generate', '--se')).toContain('--seed');
    expect(await complete('jobs', '--status', '')).toEqual(expect.arrayContaining(['queued', 'expired']));
  });

  it('works in bash', async () => {
    const { stdout: completion } = await prosemill('completion', 'bash');
    const script = `
      prosemill() { '${process.execPath}' '${commandFile}' "$@"; }
      # As bash-completion does it.
      _get_comp_words_by_ref() { words=("\${COMP_WORDS[@]}"); cword=$COMP_CWORD; cur=\${words[cword]}; }
      compopt() { :; }
      ${completion}
      COMP_WORDS=(prosemill ver); COMP_CWORD=1
      __prosemill_complete
      echo "\${COMPREPLY[@]}"`;
    const shell = spawn('bash', ['--norc', '-c', script], { env: commandEnvironment(service.url) });
    expect(await endOf(shell)).toEqual({ code: 0, stdout: 'verify\n', stderr: '' });
  });

  it.each(['zsh', 'fish', 'powershell'])('has a script for %s', async (shell) => {
    expect((await prosemill('completion', shell)).stdout).toContain('prosemill');
  });
});

describe('on a terminal', () => {
  it('dims lines, but not with NO_COLOR', async () => {
    await prosemill('generate', ...short);
    expect((await onTerminal(['history', '-n', '1'])).stdout).toContain('\u001B[2m');
    expect((await onTerminal(['history', '-n', '1'], { environment: { NO_COLOR: '1' } })).stdout).not.toContain(
      '\u001B',
    );
    expect((await prosemill('history', '-n', '1')).stdout).not.toContain('\u001B');
  });

  it('shows control characters, and passes them on elsewhere', async () => {
    const prompt = 'a\u001B[31mb\u202Ec';
    const { id } = await client.submit({ prompt, max_new_tokens: 1 });
    expect((await prosemill('wait', id)).stdout).toContain(prompt);
    expect((await onTerminal(['wait', id])).stdout).toContain('a␛[31mb<202E>c');
  });

  it('says how the text was made', async () => {
    expect((await onTerminal(['generate', ...short])).stdout).toMatch(/^Once.+\r\n\[tiny-tales, .*, seed 7, .*\]\r\n$/);
  });

  it('shows the progress of a batch', async () => {
    const file = join(folder, 'few.jsonl');
    await writeFile(file, '"Once"\n\n{"prompt": "Twice", "max_new_tokens": 2}\n');
    const { code, stdout } = await onTerminal(['batch', 'run', file]);
    expect(code).toBe(0);
    expect(stdout).toContain('[########################]  2/2  100%');
    expect(stdout).toContain('2 of 2 lines have results, 0 without a text');
  });

  it('cancels the job of generate on Ctrl-C', async () => {
    const others = await Promise.all(Array.from({ length: 8 }, async () => await client.submit(long)));
    const { code, stdout } = await onTerminal(['generate', 'Once', '--max-new-tokens', '480'], { keys: '\u0003' });
    const [, id = ''] = /Canceled the job (\S+)\./.exec(stdout) ?? [];
    expect([code, (await client.wait(id)).status]).toEqual([130, 'canceled']);
    for (const other of others) await client.cancel(other.id);
  });

  it('leaves the job of watch on Ctrl-C', async () => {
    const { id } = await client.submit(long);
    expect((await onTerminal(['watch', id], { keys: '\u0003' })).code).toBe(130);
    expect((await client.wait(id)).status).toBe('succeeded');
  });
});

describe('a batch', () => {
  it('ends whole, killed three times', async () => {
    await expectWholeBatch({ url: service.url, folder, lines: 200 });
  });

  it('has a result for each line, also for those that are refused', async () => {
    const file = join(folder, 'mixed.jsonl');
    await writeFile(
      file,
      '"Once"\n{"prompt": "hate", "custom_id": "b"}\n{"prompt"\n[]\n{"prompt": "a", "nonsense": 1}\n',
    );
    const { code, stdout, stderr } = await prosemill('batch', 'run', file, '--json');
    expect([code, stderr]).toEqual([5, '']);
    expect(JSON.parse(stdout)).toMatchObject({ total: 5, results: 5, failed: 4 });
    const lines = (await readFile(`${file}.results.jsonl`, 'utf8')).trimEnd().split('\n');
    const results = lines.map((line) => JSON.parse(line) as { line: number; error: { code: string } | null });
    expect(results.toSorted((a, b) => a.line - b.line).map(({ error }) => error?.code)).toEqual([
      undefined,
      'prompt_refused',
      'invalid_line',
      'invalid_line',
      'invalid_request',
    ]);
  });

  it('keeps lines whole that have U+2028', async () => {
    const file = join(folder, 'separators.jsonl');
    await writeFile(file, '"Once\u2028upon"\n"A fox"\r\n');
    expect(await prosemill('batch', 'run', file)).toMatchObject({ code: 0 });
    expect(await prosemill('batch', 'run', file)).toMatchObject({ code: 0 });
  });

  it('refuses a line that has changed, and a file of something else, and leaves no lock', async () => {
    const file = join(folder, 'changed.jsonl');
    await writeFile(file, '"Once"\n');
    expect((await prosemill('batch', 'run', file)).code).toBe(0);
    await writeFile(file, '"Twice"\n');
    expect((await prosemill('batch', 'run', file)).stderr).toContain('Line 1 has changed');
    expect((await prosemill('batch', 'run', file, '--output', file)).stderr).toContain('is not a results file');
    expect((await prosemill('batch', 'run', join(folder, 'absent.jsonl'))).code).toBe(1);
    expect((await readdir(folder)).filter((name) => /\.lock$|absent/.test(name))).toEqual([]);
    expect(await readFile(file, 'utf8')).toBe('"Twice"\n');
  });

  it('refuses a second run while the first one runs', async () => {
    const file = join(folder, 'locked.jsonl');
    await writeFile(file, `${JSON.stringify(long)}\n`.repeat(40));
    const first = startCommand(['batch', 'run', file], service);
    const ended = endOf(first);
    await expect.poll(async () => await readFile(`${file}.results.jsonl.lock`, 'utf8').catch(() => '')).not.toBe('');
    expect(await prosemill('batch', 'run', file)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`The process ${first.pid} `),
    });
    first.kill('SIGINT');
    expect((await ended).code).toBe(130);
  });
});
