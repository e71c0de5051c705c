/**
 * Builds the page into `dist/<hash of its sources>/`, which holds `index.html` and `assets/`. A build of the same
 * sources exists already as a rule; then nothing happens. `node apps/web/build.ts [FOLDER]` builds, and prints the
 * folder of the page.
 */
import { createHash } from 'node:crypto';
import { existsSync, globSync, statSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { constants, setPriority } from 'node:os';
import { basename, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify, stripVTControlCharacters } from 'node:util';
import { brotliCompress, gzip } from 'node:zlib';

const root = fileURLToPath(new URL('.', import.meta.url));
const dist = join(root, 'dist');
const lockfile = fileURLToPath(new URL('../../pnpm-lock.yaml', import.meta.url));

/** An unfinished build of this age was killed: a build takes about a second. */
const buildLimitMs = 10 * 60_000;

/** Files that compression makes smaller. */
const isText = /\.(?:css|html|js|svg)$/;

/** @returns the folder of the built page: the given one, else one below `dist/` */
export async function buildPage(folder?: string): Promise<string> {
  const target = folder ?? join(dist, await hashSources());
  if (existsSync(join(target, 'index.html'))) return target;
  // Processes that build at the same time do not see each other's unfinished files.
  const unfinished = `${target}.${process.pid}`;
  await buildInto(unfinished);
  await mkdir(join(target, '..'), { recursive: true });
  try {
    await rename(unfinished, target);
  } catch (error) {
    await rm(unfinished, { recursive: true });
    if (!existsSync(join(target, 'index.html'))) throw error;
  }
  if (folder === undefined) await removeOthers(target);
  return target;
}

async function hashSources(): Promise<string> {
  const hash = createHash('sha256');
  const own = ['build.ts', 'index.html', 'package.json', 'tsconfig.json', 'src/**/*.*'];
  const sources = globSync([...own, '../../packages/client/src/*.ts'], { cwd: root });
  for (const path of [...sources.toSorted().map((source) => join(root, source)), lockfile]) {
    if (/\.test\.tsx?$/.test(path)) continue;
    hash
      .update(relative(root, path))
      .update('\0')
      .update(await readFile(path));
  }
  return hash.digest('hex').slice(0, 16);
}

async function buildInto(outDir: string): Promise<void> {
  // A page that is built already needs no bundler.
  const { build } = await import('vite');
  await build({
    root,
    configFile: false,
    logLevel: 'warn',
    // Addresses are relative, so that a proxy may serve the page below any path.
    base: './',
    build: {
      outDir,
      emptyOutDir: true,
      target: 'es2023',
      // The Content-Security-Policy allows neither inline scripts nor data URLs.
      modulePreload: { polyfill: false },
      assetsInlineLimit: 0,
      reportCompressedSize: false,
    },
  });
  const files = globSync('**/*.*', { cwd: outDir }).filter((path) => isText.test(path));
  await Promise.all(files.map((path) => compress(join(outDir, path))));
}

async function compress(path: string): Promise<void> {
  const bytes = await readFile(path);
  await writeFile(`${path}.br`, await promisify(brotliCompress)(bytes));
  await writeFile(`${path}.gz`, await promisify(gzip)(bytes, { level: 9 }));
}

async function removeOthers(target: string): Promise<void> {
  for (const name of await readdir(dist)) {
    const path = join(dist, name);
    if (path !== target && !isUnderWay(path)) await rm(path, { recursive: true, force: true });
  }
}

/** A name with a dot is that of an unfinished build. */
function isUnderWay(path: string): boolean {
  if (!basename(path).includes('.')) return false;
  const beganMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return Date.now() - beganMs < buildLimitMs;
}

if (import.meta.main) {
  // The service that runs it may already write texts.
  setPriority(constants.priority.PRIORITY_LOW);
  try {
    process.stdout.write(`${await buildPage(process.argv[2])}\n`);
  } catch (error) {
    process.stderr.write(`${stripVTControlCharacters(error instanceof Error ? error.message : String(error))}\n`);
    process.exitCode = 1;
  }
}
