import { type LogFields, type Logger, newId } from '@prosemill/core';
import { silentLogger } from '@prosemill/testkit';
import { describe, expect, it } from 'vitest';
import { accessOf, announceAccess, warnWithoutKeys } from './access.ts';
import { apiConfigSchema } from '../config.ts';
import { openTestApi } from '../test-api.ts';

const adminKey = 'x'.repeat(32);

function announced(environment: Record<string, string>): string {
  const lines: string[] = [];
  const write = (level: string) => (fields: LogFields) => void lines.push(`${level} ${String(fields['auth'])}`);
  const config = apiConfigSchema.parse(environment);
  announceAccess(accessOf(config), config, { ...silentLogger, info: write('info'), warn: write('warn') });
  return lines.join();
}

describe('AUTH', () => {
  it.each([
    [{}, 'info off'],
    [{ HOST: 'localhost' }, 'info off'],
    [{ HOST: '::1' }, 'info off'],
    [{ HOST: '127.0.0.2' }, 'info off'],
    [{ HOST: '[::1]' }, 'info off'],
    [{ HOST: '::ffff:127.0.0.1' }, 'info off'],
    [{ HOST: '[::]' }, 'info keys'],
    [{ HOST: '::ffff:0.0.0.0' }, 'info keys'],
    [{ AUTH: 'keys' }, 'info keys'],
    [{ HOST: '0.0.0.0' }, 'info keys'],
    [{ HOST: '::' }, 'info keys'],
    [{ HOST: '127.example.com' }, 'info keys'],
    [{ HOST: '0.0.0.0', AUTH: 'off' }, 'warn off'],
  ])('%j is announced with: %s', (environment, line) => {
    expect(announced(environment)).toBe(line);
  });

  it.each(['short', `${'x'.repeat(32)} y`, 'ä'.repeat(40), ''])('refuses the ADMIN_KEY %j', (key) => {
    expect(apiConfigSchema.safeParse({ ADMIN_KEY: key }).success).toBe(false);
  });

  it('warns that nobody can use the API while there is no key', async () => {
    const opened = await openTestApi();
    let warnings = 0;
    const logger: Logger = { ...silentLogger, warn: () => void (warnings += 1) };
    const warningsWith = async (environment: object): Promise<number> => {
      warnings = 0;
      await warnWithoutKeys(accessOf(apiConfigSchema.parse(environment)), opened.store.apiKeys, logger);
      return warnings;
    };
    expect(await warningsWith({})).toBe(0);
    expect(await warningsWith({ AUTH: 'keys', ADMIN_KEY: adminKey })).toBe(0);
    expect(await warningsWith({ AUTH: 'keys' })).toBe(1);
    const key = { id: newId(), ownerId: 'acme', name: '', hash: newId(), prefix: 'pm_', expiresInMs: null };
    await opened.store.apiKeys.create({ ...key, scopes: ['read'] });
    expect(await warningsWith({ AUTH: 'keys' })).toBe(0);
    await opened.close();
  });
});
