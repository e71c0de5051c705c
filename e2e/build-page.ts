/** Vitest's global setup: builds the page once, where otherwise each service of a test would do so at its start. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../apps/web/build.ts', import.meta.url));

/** A failure fails the tests of the page only. */
export function setup(): void {
  spawnSync(process.execPath, [program]);
}
