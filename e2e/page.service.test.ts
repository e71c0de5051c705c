/** The page of a fresh checkout: it is built when the service is ready, and the service works without it. */
import { cp, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  childProcesses,
  createTestDatabase,
  createTestFolder,
  type HubServer,
  startHubServer,
} from '@prosemill/testkit';
import { beforeEach, describe, expect, inject, it, onTestFinished } from 'vitest';
import { type Environment, migrateDatabase, type Program, ServiceProcess, testEnvironment } from './launch.ts';
import { sqliteFile } from './lifecycle.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const noPage = 'there is no page: GET / is the JSON index for browsers too';
const browser = { Accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' };

const endlessBuild = 'setInterval(() => undefined, 1_000);';

const isNotBuilt = (path: string): boolean => path !== join(root, 'apps/web/dist');

/** A copy of this checkout with its packages installed and no page built. */
async function copyCheckout(): Promise<string> {
  const copy = await createTestFolder();
  // The links of installed packages are relative, so those between packages of the workspace stay in the copy.
  for (const name of ['apps', 'packages']) {
    await cp(join(root, name), join(copy, name), { recursive: true, verbatimSymlinks: true, filter: isNotBuilt });
  }
  for (const name of ['package.json', 'pnpm-lock.yaml', 'tsconfig.base.json'])
    await cp(join(root, name), join(copy, name));
  for (const name of ['models', 'node_modules']) await symlink(join(root, name), join(copy, name));
  return copy;
}

/** Opens the page as a browser does: the document, and then the files that it names. */
async function openPage(url: string): Promise<string> {
  const answer = await fetch(url, { headers: browser });
  expect(answer.headers.get('Content-Type')).toBe('text/html; charset=utf-8');
  const document = await answer.text();
  const assets = [...document.matchAll(/(?:src|href)="(\.\/assets\/[^"]+)"/g)].map(([, path = '']) => path);
  expect(assets.length).toBeGreaterThan(1);
  for (const path of assets) expect((await fetch(new URL(path, url))).status).toBe(200);
  return document;
}

describe('a fresh checkout', () => {
  let checkout: string;
  beforeEach(async () => {
    checkout = await copyCheckout();
  });

  const start = async (program: Program, environment: Environment) => {
    const process = new ServiceProcess(program, { ...testEnvironment, ...environment }, { checkout });
    onTestFinished(async () => expect(await process.stop()).toBe(0));
    const { url } = await process.logged({ msg: 'the API listens' });
    return { process, url: String(url) };
  };
  const startStandalone = async () => await start('apps/standalone/src/main.ts', await sqliteFile());

  it.each(['apps/standalone/src/main.ts', 'apps/api/src/main.ts'] as const)(
    '%s shows browsers the page, and programs JSON',
    async (program) => {
      const database = await createTestDatabase(inject('postgresUrl'));
      onTestFinished(database.drop);
      await migrateDatabase({ DATABASE_URL: database.url });
      const { url } = await start(program, { DATABASE_URL: database.url });
      // The first request comes during the build, and waits for it.
      await openPage(url);
      expect(await (await fetch(url)).json()).toMatchObject({ auth: 'off' });
    },
  );

  it('builds the page once', async () => {
    const first = await startStandalone();
    const document = await openPage(first.url);
    // A second build would need the bundler.
    await rm(join(checkout, 'apps/web/node_modules'), { recursive: true });
    const second = await startStandalone();
    expect(await openPage(second.url)).toBe(document);
  });

  it('is ready while the page is built, and ends the build when it stops', async () => {
    await writeFile(join(checkout, 'apps/web/build.ts'), endlessBuild);
    const { process, url } = await startStandalone();
    await process.logged({ msg: 'the worker takes jobs' });
    await expect.poll(() => buildOf(process)).toBeDefined();
    await expect.poll(async () => await (await fetch(`${url}/health`)).json()).toMatchObject({ status: 'healthy' });
    expect(await (await fetch(url)).json()).toMatchObject({ auth: 'off' });
    const build = buildOf(process);
    expect(await process.stop()).toBe(0);
    await expect.poll(() => isRunning(build?.pid ?? 0)).toBe(false);
    expect(process.log.filter(({ msg }) => msg === noPage)).toEqual([]);
  });

  it.each([
    { moment: 'when the engine is ready', begin: (hub: HubServer) => hub.setSilent(false) },
    {
      moment: 'earlier, when a browser comes',
      begin: (_: HubServer, url: string) => void fetch(url, { headers: browser }).catch(() => undefined),
    },
  ])('begins the build $moment', async ({ begin }) => {
    await writeFile(join(checkout, 'apps/web/build.ts'), endlessBuild);
    const hub = await startHubServer({
      repositories: { 'acme/tiny': join(root, 'models/tiny-tales') },
      commit: '0123abc',
    });
    onTestFinished(hub.stop);
    hub.setSilent(true);
    const model = { MODEL: 'acme/tiny', HF_ENDPOINT: hub.url, MODEL_DIR: await createTestFolder() };
    const { process, url } = await start('apps/standalone/src/main.ts', { ...(await sqliteFile()), ...model });
    await expect.poll(() => hub.requests.length).toBeGreaterThan(0);
    await expect.poll(async () => await (await fetch(`${url}/health`)).json()).toMatchObject({ status: 'healthy' });
    expect(buildOf(process)).toBeUndefined();
    begin(hub, url);
    await expect.poll(() => buildOf(process)).toBeDefined();
  });

  it.each([
    {
      cause: 'the sources are broken',
      spoil: async () => await writeFile(join(checkout, 'apps/web/src/main.tsx'), 'const page = <div>;'),
      reason: /^the build of the page failed: .*apps\/web\/src\/main\.tsx:1:/,
    },
    {
      cause: 'the bundler is not installed',
      spoil: async () => await rm(join(checkout, 'apps/web/node_modules'), { recursive: true }),
      reason: /^the build of the page failed: Cannot find package 'vite'/,
    },
  ])('works without its page if $cause, and says so', async ({ spoil, reason }) => {
    await spoil();
    const { process, url } = await startStandalone();
    await expect(process.logged({ msg: noPage })).resolves.toMatchObject({ reason: expect.stringMatching(reason) });
    await process.logged({ msg: 'the worker takes jobs' });
    expect(await (await fetch(url, { headers: browser })).json()).toMatchObject({ auth: 'off' });
    await expect.poll(async () => await (await fetch(`${url}/health`)).json()).toMatchObject({ status: 'healthy' });
  });
});

const buildOf = ({ child }: ServiceProcess) =>
  childProcesses(child.pid ?? 0).find(({ command }) => command.includes('web/build.ts'));

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
