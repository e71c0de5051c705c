/** The command line on the real service. */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, type ProsemillClient } from '@prosemill/client';
import { startTcpProxy } from '@prosemill/testkit';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
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

const jobsWith = async (pair: string) => await Array.fromAsync(client.jobs({ metadata: [pair] }));

/** Keeps the engine busy until the end of the test, so that no other job ends soon. */
async function occupySlots(): Promise<void> {
  const jobs = await Promise.all(Array.from({ length: 8 }, async () => await client.submit(long)));
  onTestFinished(async () => void (await Promise.all(jobs.map(async ({ id }) => await client.cancel(id)))));
}

it('generates, waits, watches, verifies and lists', async () => {
  const generated = await prosemill('generate', ...short);
  expect(generated).toEqual({ code: 0, stdout: expect.stringMatching(/^Once.+\n$/), stderr: '' });
  const id = (await prosemill('submit', ...short)).stdout.trim();
  expect(await prosemill('wait', id)).toEqual(generated);
  expect(await prosemill('wait', 'unknown', id)).toMatchObject({ code: 3, stdout: generated.stdout });
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
  expect((await prosemill('history', '--search', 'ONCE', '-n', '1')).stdout).toContain(generated.stdout);
  expect((await prosemill('history', '--search', 'nowhere')).stdout).toBe('');
  expect((await prosemill('history', '--before', '2020-01-01T00:00:00Z')).stdout).toBe('');
  expect((await prosemill('status')).stdout).toMatch(/status\s+healthy/);
});

it('exports, and deletes', async () => {
  const { id } = await client.wait((await client.submit({ prompt: 'A fox', metadata: { customer: '4711' } })).id);
  const exported = await prosemill('export', '--metadata', 'customer=4711');
  expect(exported).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(exported.stdout)).toMatchObject({ job_id: id, metadata: { customer: '4711' } });
  expect(await prosemill('delete', id)).toEqual({ code: 0, stdout: `The job ${id} is deleted.\n`, stderr: '' });
  expect((await prosemill('export', '--metadata', 'customer:4711')).stdout).toBe('');
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
    ['export'],
    ['status'],
    ['delete', id],
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
  [['status', '--url', 'localhost'], 2, 'prosemill: The address must begin with http://'],
  [['status', '--key', 'ключ'], 2, 'prosemill: The API key has characters that no key has.'],
  [['generate', 'a', '--url', 'http://127.0.0.1:9'], 2, 'prosemill: fetch refuses the port of the address.'],
  [['keys', 'create', '--owner', 'a', '--name', 'b', '--expires-in-days', 'Infinity'], 2, 'a number above 0'],
  [['generate', 'I', 'hate', 'it'], 3, 'prosemill: '],
  [['wait', '00000000-0000-7000-8000-000000000000'], 3, 'prosemill: '],
  [['batch', 'run', '/nowhere/prompts.jsonl'], 2, 'prosemill: /nowhere/prompts.jsonl does not exist.'],
])('ends %o with the code %i, and names the error', async (args, code, expected) => {
  const ended = await prosemill(...args);
  expect(ended).toMatchObject({ code, stdout: '' });
  expect(ended.stderr).toContain(expected);
  expect(ended.stderr).not.toContain('    at ');
  const told = await prosemill(...args, '--json');
  expect(told).toMatchObject({ code, stdout: '' });
  const { error } = JSON.parse(told.stderr) as { readonly error: { readonly message: string } };
  expect(ended.stderr).toContain(error.message);
});

it('refuses a prompt that is not UTF-8', async () => {
  const ended = await endOf(startCommand(['submit'], { url: service.url, input: Buffer.of(0x61, 0xff) }));
  expect(ended).toEqual({ code: 2, stdout: '', stderr: 'prosemill: The prompt on standard input is not UTF-8.\n' });
});

it('names a missing command with --json', async () => {
  const { code, stderr } = await prosemill('batch', '--json');
  expect([code, JSON.parse(stderr)]).toMatchObject([2, { error: { code: 'usage', message: 'There is no command.' } }]);
});

it('ends with the code 4 when no service answers', async () => {
  expect(await prosemill('status', '--url', 'http://127.0.0.1:2')).toMatchObject({ code: 4, stdout: '' });
});

/** There is no service at the default address. */
const generateHere = async (...options: readonly string[]): Promise<Ended> => {
  const env = { ...commandEnvironment(''), MODEL: 'shipped' };
  return await endOf(spawn(process.execPath, [commandFile, 'generate', ...short, ...options], { env }));
};

it('generates without a service, but not as JSON', async () => {
  expect(await generateHere()).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^Once.+\n$/),
    stderr: expect.stringContaining('There is no service at http://127.0.0.1:8000'),
  });
  expect(await generateHere('--json')).toMatchObject({ code: 4, stdout: '' });
});

it('ends with the code 5 when a job has no text', async () => {
  const { id } = await client.submit(long);
  await client.cancel(id);
  expect(await prosemill('wait', id)).toMatchObject({ code: 5, stderr: `The job ${id} is canceled: no text\n` });
  const { code, stderr } = await prosemill('wait', id, '--json');
  expect([code, JSON.parse(stderr)]).toEqual([5, { note: `The job ${id} is canceled: no text` }]);
});

it('cancels the job of generate when it is interrupted before the first event', async () => {
  await occupySlots();
  const proxy = await startTcpProxy(service.url);
  onTestFinished(async () => await proxy.stop());
  proxy.setLatency({ toServerMs: 0, toClientMs: 60_000 });
  const metadata = ['--metadata', 'test=early'];
  const child = startCommand(['generate', 'Once', '--max-new-tokens', '480', ...metadata, '--json'], proxy);
  const ended = endOf(child);
  await expect.poll(async () => await jobsWith('test:early')).toHaveLength(1);
  // The answer never comes, but those to later requests do.
  proxy.swallow();
  await proxy.heal();
  child.kill('SIGINT');
  const [job] = await jobsWith('test:early');
  expect(await ended).toMatchObject({ code: 130, stderr: `{"note":"Canceled the job ${job?.id}."}\n` });
  expect((await client.wait(job?.id ?? '')).status).toBe('canceled');
  expect(await jobsWith('test:early')).toHaveLength(1);
});

it('tells how to find the job of a submit that was interrupted', async () => {
  const proxy = await startTcpProxy(service.url);
  onTestFinished(async () => await proxy.stop());
  proxy.setLatency({ toServerMs: 0, toClientMs: 60_000 });
  const command = ['submit', 'Once', '--max-new-tokens', '1', '--metadata', 'test=submit'];
  const child = startCommand(command, proxy);
  const ended = endOf(child);
  await expect.poll(async () => await jobsWith('test:submit')).toHaveLength(1);
  child.kill('SIGINT');
  const { code, stderr } = await ended;
  const [, key = ''] = /--idempotency-key (\S+) prints its id\./.exec(stderr) ?? [];
  expect(code).toBe(130);
  const [job] = await jobsWith('test:submit');
  expect((await prosemill(...command, '--idempotency-key', key)).stdout).toBe(`${job?.id}\n`);
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
  const help = await prosemill('batch', 'run', '--help');
  expect(help.stdout).toContain('Usage: prosemill batch run');
  expect(await prosemill('help', 'batch', 'run')).toEqual(help);
  expect(await prosemill('help')).toMatchObject({ code: 0, stdout });
  expect(await prosemill('help', 'batch', 'walk')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("unknown command 'batch walk'"),
  });
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

  it('leaves the names of files to the shell', async () => {
    for (const words of [[''], ['pro'], ['prompts.jsonl', '--output', ''], ['-o', 'res']]) {
      expect(await complete('batch', 'run', ...words)).toEqual([':0', '']);
    }
    expect(await complete('batch', 'run', 'prompts.jsonl', '')).toEqual([':4', '']);
    expect(await complete('wait', '')).toEqual([':4', '']);
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
      echo "\${COMPREPLY[@]}"
      complete -p prosemill`;
    const shell = spawn('bash', ['--norc', '-c', script], { env: commandEnvironment(service.url) });
    const registered = 'complete -o default -F __prosemill_complete prosemill';
    expect(await endOf(shell)).toEqual({ code: 0, stdout: `verify\n${registered}\n`, stderr: '' });
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
    await occupySlots();
    const { code, stdout } = await onTerminal(['generate', 'Once', '--max-new-tokens', '480'], { keys: '\u0003' });
    const [, id = ''] = /Canceled the job (\S+)\./.exec(stdout) ?? [];
    expect([code, (await client.wait(id)).status]).toEqual([130, 'canceled']);
  });

  it('leaves the job of watch on Ctrl-C', async () => {
    const { id } = await client.submit(long);
    expect((await onTerminal(['watch', id], { keys: '\u0003' })).code).toBe(130);
    expect((await client.wait(id)).status).toBe('succeeded');
  });
});

const jobsIn = (results: string) => results.match(/"job_id":"[^"]+"/g)?.toSorted();

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

  it('is made of a file in UTF-8 that can be read again', async () => {
    const file = join(folder, 'marked.jsonl');
    await writeFile(file, '\uFEFF"Once"\n');
    expect(await prosemill('batch', 'run', file)).toMatchObject({ code: 0 });
    expect(await prosemill('batch', 'run', '/dev/stdin', '-o', `${file}.other`)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('/dev/stdin is no file'),
    });
    await writeFile(file, Buffer.of(0x22, 0xff, 0x22));
    expect(await prosemill('batch', 'run', file, '-o', `${file}.other`)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is not UTF-8'),
    });
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
    expect((await prosemill('batch', 'run', join(folder, 'absent.jsonl'))).code).toBe(2);
    expect((await readdir(folder)).filter((name) => /\.lock$|absent/.test(name))).toEqual([]);
    expect(await readFile(file, 'utf8')).toBe('"Twice"\n');
  });

  it.each(['notes', 'notes\nwithout an end', '"a prompt"', '{"lines": 3}'])(
    'leaves a file of something else as it is: %j',
    async (content) => {
      const [file, other] = [join(folder, 'one.jsonl'), join(folder, 'other.txt')];
      await writeFile(file, '"Once"\n');
      await writeFile(other, content);
      expect(await prosemill('batch', 'run', file, '--output', other)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('is not a results file'),
      });
      expect(await readFile(other, 'utf8')).toBe(content);
    },
  );

  it('goes on when its files have been moved', async () => {
    const [file, moved] = [join(folder, 'here.jsonl'), join(folder, 'there.jsonl')];
    await writeFile(file, '"Once"\n"A fox"\n');
    expect((await prosemill('batch', 'run', file)).code).toBe(0);
    const results = await readFile(`${file}.results.jsonl`, 'utf8');
    await writeFile(moved, '"Once"\n"A fox"\n');
    await writeFile(`${moved}.results.jsonl`, results.slice(0, results.indexOf('\n') + 1));
    expect((await prosemill('batch', 'run', moved)).code).toBe(0);
    // The same key gives the same job.
    const ofMoved = await readFile(`${moved}.results.jsonl`, 'utf8');
    expect(jobsIn(ofMoved)).toEqual(jobsIn(results));
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
    expect(await ended).toMatchObject({ code: 130, stderr: expect.stringContaining('the same command goes on') });
  });
});
