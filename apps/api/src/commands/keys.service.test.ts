import { execFile, spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openStore } from '@prosemill/store';
import { silentLogger } from '@prosemill/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashSecret } from '../auth/api-key-secret.ts';

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const program = fileURLToPath(new URL('keys.ts', import.meta.url));

describe('pnpm keys', () => {
  let folder: string;
  let url: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'prosemill-keys-'));
    url = `sqlite:${join(folder, 'test.db')}`;
    const store = openStore({ url, logger: silentLogger });
    await store.migrate();
    await store.stop();
  });
  afterAll(async () => await rm(folder, { recursive: true }));

  const keys = async (...args: string[]): Promise<Run> =>
    await new Promise((resolve) => {
      const options = { env: { DATABASE_URL: url } };
      execFile(process.execPath, [program, ...args], options, (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
      );
    });

  async function isValid(secret: string): Promise<boolean> {
    const store = openStore({ url, logger: silentLogger });
    const key = await store.apiKeys.findValid(hashSecret(secret));
    await store.stop();
    return key !== null;
  }

  it('makes, lists and revokes keys; only the secret goes to standard output, once', async () => {
    const created = await keys('create', '--owner', 'acme', '--name', 'a "b" \u001B[31m', '--expires-in-days', '1');
    const secret = created.stdout.trim();
    expect([created.code, await isValid(secret)]).toEqual([0, true]);
    const listed = await keys('list');
    expect(listed.stdout).toContain(String.raw`…  acme  generate,read  "a \"b\" \u001b[31m"  expires `);
    expect(listed.stdout).not.toContain(secret);
    const id = listed.stdout.split(' ')[0] ?? '';
    expect((await keys('revoke', id)).code).toBe(0);
    expect(await isValid(secret)).toBe(false);
    expect((await keys('list')).stdout).toContain('  revoked ');
  });

  it.each([
    [['create', '--owner', 'acme'], /--name: /],
    [['create', '--owner', 'a b', '--name', 'x'], /--owner: must be/],
    [['create', '--owner', 'acme', '--name', 'x', '--scopes', 'root'], /--scopes: /],
    [['create', '--owner', 'acme', '--name', 'x', '--expires-in-days', 'soon'], /--expires-in-days: must be a number/],
    [['create', '--owner', 'acme', '--name', 'x', '--expires-in-days', ''], /--expires-in-days: must be a number/],
    [['create', '--owner', 'acme', '--name', 'x', '--expires-in-days', '9999'], /--expires-in-days, in seconds: /],
    [['create', '--secret', 'mine'], /--secret/],
    [['revoke', 'x'], /usage:/],
    [[], /usage:/],
  ])('says what is wrong with %j', async (args, message) => {
    const { code, stdout, stderr } = await keys(...args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
    expect(stderr).toContain('usage:');
  });

  it('refuses to revoke an unknown key', async () => {
    const { code, stderr } = await keys('revoke', '0198c4e0-0000-7000-8000-000000000000');
    expect([code, stderr]).toEqual([1, expect.stringContaining('There is no API key')]);
  });

  it('revokes a key whose secret could not be shown', async () => {
    const full = openSync('/dev/full', 'w');
    const args = [program, 'create', '--owner', 'acme', '--name', 'lost'];
    const { status, stderr } = spawnSync(process.execPath, args, {
      env: { DATABASE_URL: url },
      stdio: ['ignore', full, 'pipe'],
      encoding: 'utf8',
    });
    closeSync(full);
    expect([status, stderr]).toEqual([1, expect.stringContaining('could not be shown, so that the key was revoked')]);
    const lines = (await keys('list')).stdout.split('\n').filter((line) => line.includes('"lost"'));
    expect(lines).toEqual([expect.stringContaining('  revoked ')]);
  });
});
