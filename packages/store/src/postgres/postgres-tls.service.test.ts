/** TLS to a real Postgres, with certificates that the test makes. */
import { execFileSync } from 'node:child_process';
import { chownSync, mkdtempSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errorLine } from '@prosemill/core';
import { launchPostgres, openSql, type PrivateServer, silentLogger } from '@prosemill/testkit';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { openStore } from '../index.ts';

let server: PrivateServer;
let folder: string;

/**
 * Makes a self-signed certificate for the name localhost.
 * @returns the path of the certificate; the path of its key ends with .key
 */
function makeCertificate(name: string): string {
  const [certificate, key] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const files = ['-keyout', key, '-out', certificate];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject, ...files], { stdio: 'ignore' });
  return certificate;
}

beforeAll(async () => {
  server = await launchPostgres();
  folder = mkdtempSync(join(tmpdir(), 'prosemill-tls-'));
  const certificate = makeCertificate('server');
  makeCertificate('other');
  const sql = await openSql(server.url);
  const [{ data_directory: data } = {}] = await sql.execute('show data_directory');
  const { uid, gid } = statSync(String(data));
  for (const path of [folder, certificate, join(folder, 'server.key')]) chownSync(path, uid, gid);
  await sql.execute(`alter system set ssl_cert_file = '${certificate}'`);
  await sql.execute(`alter system set ssl_key_file = '${join(folder, 'server.key')}'`);
  await sql.execute('alter system set ssl = on');
  await sql.execute('select pg_reload_conf()');
  await vi.waitFor(async () => {
    const [{ ssl } = {}] = await sql.execute('show ssl');
    if (ssl !== 'on') throw new Error('TLS is not on yet.');
  });
  await sql.close();
});

afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

/** @returns 'encrypted' or 'plain', or the reason why there is no connection */
async function connectWith(parameters: string, host = '127.0.0.1'): Promise<string> {
  const url = new URL(server.url);
  url.hostname = host;
  const store = openStore({ url: `${url.href}${parameters}`, logger: silentLogger });
  onTestFinished(async () => await store.stop());
  try {
    await store.migrate();
  } catch (error) {
    return errorLine(error);
  }
  const sql = await openSql(server.url);
  const sessions = `select distinct ssl from pg_stat_ssl join pg_stat_activity using (pid) where application_name = 'prosemill'`;
  const rows = await sql.execute(sessions);
  await sql.close();
  return rows.map(({ ssl }) => (ssl === true ? 'encrypted' : 'plain')).join(' and ');
}

const rootCert = (name: string): string => `sslrootcert=${join(folder, `${name}.crt`)}`;

describe('sslmode has the meaning of libpq', () => {
  it.each<[name: string, parameters: () => string, host: string, outcome: RegExp]>([
    ['without parameters', () => '', '127.0.0.1', /^plain$/],
    ['disable', () => '?sslmode=disable', '127.0.0.1', /^plain$/],
    ['require, with an unknown authority', () => '?sslmode=require', '127.0.0.1', /^encrypted$/],
    ['no-verify', () => '?ssl=no-verify', '127.0.0.1', /^encrypted$/],
    [
      'require with a certificate authority',
      () => `?sslmode=require&${rootCert('server')}`,
      '127.0.0.1',
      /^encrypted$/,
    ],
    ['require with another one', () => `?sslmode=require&${rootCert('other')}`, '127.0.0.1', /self-signed/],
    ['verify-ca, whatever the name', () => `?sslmode=verify-ca&${rootCert('server')}`, '127.0.0.1', /^encrypted$/],
    ['verify-ca with another one', () => `?sslmode=verify-ca&${rootCert('other')}`, 'localhost', /self-signed/],
    ['verify-full', () => `?sslmode=verify-full&${rootCert('server')}`, 'localhost', /^encrypted$/],
    ['verify-full of another name', () => `?sslmode=verify-full&${rootCert('server')}`, '127.0.0.1', /altnames/],
    ['verify-full of an unknown authority', () => '?sslmode=verify-full', 'localhost', /self-signed/],
    ['ssl=true', () => '?ssl=true', 'localhost', /self-signed/],
  ])('%s', async (_, parameters, host, outcome) => {
    expect(await connectWith(parameters(), host)).toMatch(outcome);
  });
});
