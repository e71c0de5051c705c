/** Programs for node inside an image, since a slim image has little else. */

/** What {@link inspectFiles} prints, as JSON. */
export interface ImageFiles {
  /** Of all files on the root file system, each inode once. */
  readonly bytes: number;
  /** Under /app, without what packages hold. */
  readonly paths: readonly string[];
  /** Names of what pnpm installed. */
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

/** Prints those of the programs that are on the PATH, as JSON. */
export const findPrograms = (names: readonly string[]): string => `
  import { existsSync } from 'node:fs';
  const folders = process.env.PATH.split(':');
  console.log(JSON.stringify(${JSON.stringify(names)}.filter((name) => folders.some((folder) => existsSync(folder + '/' + name)))));
`;
