import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const script = `
  import { createLogger, logWarnings } from './index.ts';
  logWarnings(createLogger({ name: 'test', level: 'info', pretty: false }));
  process.emitWarning('this mode is deprecated', 'DeprecationWarning');
`;

it('takes the warnings of libraries from standard error to the log', async () => {
  const args = ['--input-type=module', '--eval', script];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd: import.meta.dirname });
  expect(stderr).toBe('');
  const expected = { level: 'warn', warning: 'DeprecationWarning', reason: 'this mode is deprecated' };
  expect(JSON.parse(stdout)).toMatchObject(expected);
});
