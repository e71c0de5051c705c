/** The published package: packed, installed in an empty folder, and used there. */
import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Service } from '../launch.ts';
import { launchEmbedded } from '../sizes.ts';
import { bundleClient } from './bundle-client.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const sizeLimit = 15_000;

const program = `
import { type Batch, createClient, type ExportedText, type Generation } from '@prosemill/client';
import { type Job, ProsemillError, type StreamEvent } from '@prosemill/client';

const client = createClient({ url: 'http://127.0.0.1:8000' });
const generation: Generation = await client.generate({ prompt: 'a', metadata: { a: 'b' } });
const job: Job = await client.wait(generation.job_id);
const status: 'queued' | 'running' | 'succeeded' | 'failed' | 'canceled' | 'expired' = job.status;
export const text: string | undefined = job.output?.generated_text;
for await (const event of client.stream(job.id)) {
  const each: StreamEvent = event;
  if (each.type === 'token') each.text.trim();
}
const batch: Batch = await client.submitBatch([{ custom_id: 'a', prompt: 'a', metadata: { a: 'b' } }]);
export const total: number = batch.counts.total;
for await (const exported of client.export({ q: 'a' })) {
  const each: ExportedText = exported;
  each.job_id.trim();
}
export const code = (error: unknown): string => (error instanceof ProsemillError ? error.code : status);
// @ts-expect-error There is no such field.
await client.generate({ prompt: 'a', nonsense: 1 });
// @ts-expect-error There is no such field.
export const nothing = job.nonsense;
`;

const use = `
import { createClient } from '@prosemill/client';

const client = createClient({ url: process.argv[2] });
const { generated_text } = await client.generate({ prompt: 'Once', max_new_tokens: 4, seed: 7 });
let completion = '';
for await (const event of client.stream({ prompt: 'Once', max_new_tokens: 4, seed: 7 })) ({ completion } = event);
process.stdout.write(JSON.stringify([generated_text, 'Once' + completion]));
`;

let folder: string;
let service: Service;
const run = async (command: string, ...args: readonly string[]): Promise<string> =>
  (await promisify(execFile)(command, args, { cwd: folder })).stdout;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'prosemill-client-'));
  const pack = ['-y', 'pnpm@12', 'pack', '--pack-destination', folder];
  await promisify(execFile)('npx', pack, { cwd: join(root, 'packages/client') });
  const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz'));
  await writeFile(join(folder, 'package.json'), '{ "type": "module", "private": true }');
  await run('npm', 'install', '--no-audit', '--no-fund', `./${tarball}`);
  service = await launchEmbedded();
});
afterAll(async () => {
  await service.stop('SIGKILL');
  await rm(folder, { recursive: true });
});

it('brings no code of the server', () => {
  const packages = globSync(['node_modules/*', 'node_modules/@*/*'], { cwd: folder }).filter(
    (path) => !/@[^/]+$/.test(path),
  );
  expect(packages).toContain('node_modules/@prosemill/client');
  expect(packages.filter((path) => /zod|hono|contract|core/.test(path))).toEqual([]);
  const files = globSync('**/*.*', { cwd: join(folder, 'node_modules/@prosemill/client') });
  expect(files.filter((path) => !/^(?:dist\/.*\.(?:js|d\.ts)|package\.json|README\.md|LICENSE)$/.test(path))).toEqual(
    [],
  );
});

it('works, in JavaScript', async () => {
  await writeFile(join(folder, 'use.js'), use);
  const [generated, streamed] = JSON.parse(await run(process.execPath, 'use.js', service.url)) as string[];
  expect(generated).toMatch(/^Once./);
  expect(streamed).toBe(generated);
});

it('brings the command line', async () => {
  const command = ['exec', '--', 'prosemill', 'generate', 'Once', '--max-new-tokens', '4', '--url', service.url];
  expect(await run('npm', ...command)).toMatch(/^Once.*\n$/s);
  expect(await run('npm', 'exec', '--', 'prosemill', '--version')).toMatch(/^\d+\.\d+\.\d+\n$/);
});

it.each([
  ['nodenext', 'nodenext'],
  ['esnext', 'bundler'],
])('has types, without those of Node or of a library, for %s', async (module, moduleResolution) => {
  await writeFile(join(folder, 'program.ts'), program);
  const compilerOptions = { module, moduleResolution, target: 'es2023', lib: ['es2023', 'dom'], strict: true };
  const config = { compilerOptions: { ...compilerOptions, types: [], noEmit: true }, files: ['program.ts'] };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
  const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
  expect(await run(process.execPath, compiler, '-p', '.')).toBe('');
});

it('is small in a page', async () => {
  const { code } = await bundleClient(join(folder, 'node_modules/@prosemill/client/dist/index.js'));
  expect(gzipSync(code).length).toBeLessThan(sizeLimit);
});
