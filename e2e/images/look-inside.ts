/** Programs for node inside of an image, because a slim image has few tools. */

/** The JSON output of {@link inspectFiles}. */
export interface ImageFiles {
  /** The size of all files on the root file system, each inode once. */
  readonly bytes: number;
  /** Paths under /app, without those in packages. */
  readonly paths: readonly string[];
  /** Names of the packages that pnpm installed. */
  readonly packages: readonly string[];
}

export const inspectFiles = `
  import { lstatSync, readdirSync } from 'node:fs';
  const mounted = new Set(['/proc', '/sys', '/dev']);
  const seen = new Set();
  const paths = [];
  let bytes = 0;
  function namesIn(folder) {
    try { return readdirSync(folder); } catch { return []; }
  }
  function walk(folder) {
    for (const name of namesIn(folder === '' ? '/' : folder)) {
      const path = folder + '/' + name;
      const stat = lstatSync(path);
      if (stat.isDirectory()) {
        if (!mounted.has(path)) walk(path);
      } else if (!seen.has(stat.ino)) {
        seen.add(stat.ino);
        bytes += stat.size;
        if (path.startsWith('/app/') && !path.includes('/node_modules/')) paths.push(path);
      }
    }
  }
  walk('');
  const packages = namesIn('/app/node_modules/.pnpm').map((name) => name.replace('+', '/').replace(/(?<=.)@.*/, ''));
  console.log(JSON.stringify({ bytes, paths, packages }));
`;

/** Prints the programs that the PATH has, as JSON. */
export const findPrograms = (names: readonly string[]): string => `
  import { existsSync } from 'node:fs';
  const folders = process.env.PATH.split(':');
  console.log(JSON.stringify(${JSON.stringify(names)}.filter((name) => folders.some((folder) => existsSync(folder + '/' + name)))));
`;
