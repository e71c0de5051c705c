/** `pnpm generate`: its output, its exit codes and its refusals. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ServiceProcess, testEnvironment } from './launch.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

async function generate(args: readonly string[]) {
  const process = new ServiceProcess('apps/standalone/src/generate.ts', { MODEL: 'shipped' }, { args });
  return { code: await process.ended(), output: process.output };
}

describe('pnpm generate', () => {
  it('writes the text to the terminal', async () => {
    const { code, output } = await generate(['Once upon a time', '--max-new-tokens', '10', '--temperature', '0']);
    expect(code).toBe(0);
    expect(output).toMatch(/^Once upon a time\w*.+/);
    expect(output).toContain('[tiny-tales, 4 + 10 tokens');
  });

  it('does not write the prompt when it is refused', async () => {
    const { code, output } = await generate(['Once upon a time', '--max-new-tokens', '99999']);
    expect(code).toBe(1);
    expect(output).toMatch(/^prosemill: The prompt has 4 tokens/);
  });

  it('ends with its text so far on Ctrl-C, as shells expect', async () => {
    const args = ['apps/standalone/src/generate.ts', 'Once upon a time', '--max-new-tokens', '500'];
    const child = spawn(process.execPath, args, { cwd: root, env: { PATH: process.env['PATH'], ...testEnvironment } });
    const exited = once(child, 'exit');
    const errorOutput = text(child.stderr);
    let output = '';
    for await (const chunk of child.stdout.setEncoding('utf8')) {
      if (output === '') child.kill('SIGINT');
      output += String(chunk);
    }
    expect(await exited).toEqual([130, null]);
    expect(output).toMatch(/^Once upon a time[^]*\n$/);
    expect(await errorOutput).toMatch(/^\[tiny-tales, .* finish reason canceled\]\n$/);
  });

  it('ends quietly when its reader closes the pipe', async () => {
    const command = `'${process.execPath}' apps/standalone/src/generate.ts 'Once upon a time' --seed 1 | head -c 20`;
    const child = spawn('sh', ['-c', command], { cwd: root, env: { PATH: process.env['PATH'], ...testEnvironment } });
    const [output, error] = await Promise.all([text(child.stdout), text(child.stderr)]);
    expect([output.length, error]).toEqual([20, '']);
  });

  it.each([
    [[], 'usage: pnpm generate'],
    [['a', '--top-p', '7'], '--top-p: '],
    [['a', '--seed', ''], '--seed: must be a number in plain decimals, not ""'],
    [['a', '--seed', '0x10'], '--seed: '],
    [['a', '--seed=-1'], '--seed: '],
    [['a', '--top-k', '1e3'], '--top-k: '],
    [['a', '--temperature', ' 1'], '--temperature: '],
    [['a', '--nonsense', '7'], 'nonsense'],
    [['a'.repeat(501)], 'prompt'],
    [['a', '--stop', ''], '--stop: must not be empty'],
    [['a', ...['b', 'c', 'd', 'e', 'f'].flatMap((stop) => ['--stop', stop])], '--stop: Too big'],
  ])('names the error in %o', async (args, expected) => {
    const { code, output } = await generate(args);
    expect(code).toBe(2);
    expect(output).toContain(expected);
    expect(output).not.toContain('    at ');
    expect(output).not.toContain('The configuration');
  });
});
