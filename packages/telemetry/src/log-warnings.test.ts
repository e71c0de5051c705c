import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const script = `
  import { createLogger, logWarnings } from './index.ts';
  logWarnings(createLogger({ name: 'test', level: 'info', pretty: false }));
  process.emitWarning('this mode is deprecated', 'DeprecationWarning');
  console.warn('Eviction policy is %s.', 'allkeys-lru');
  console.error(new TypeError('no'));
`;

it('writes the warnings of libraries to the log instead of standard error', async () => {
  const args = ['--input-type=module', '--eval', script];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd: import.meta.dirname });
  expect(stderr).toBe('');
  // Node emits a warning one tick later, so it is the last line.
  expect(
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toMatchObject([
    { level: 'warn', reason: 'Eviction policy is allkeys-lru.' },
    { level: 'warn', reason: expect.stringMatching(/^TypeError: no\n/) },
    { level: 'warn', warning: 'DeprecationWarning', reason: 'this mode is deprecated' },
  ]);
});
