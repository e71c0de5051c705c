/** Finds the page of a process: in the folder of PAGE_DIR, or built from the sources of this checkout. */
import { execFile, type ExecFileException } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { coalesced, errorLine, type Logger } from '@prosemill/core';
import { type Page, readPage } from './read-page.ts';

/** Prints the folder of the page. No import, because an installation without the bundler runs the service too. */
const buildProgram = fileURLToPath(new URL('../../../web/build.ts', import.meta.url));
/** A build takes about a second, and none if the page is built already. */
const buildLimitMs = 60_000;

const message = 'there is no page: GET / is the JSON index for browsers too';

export interface FindPageOptions {
  /** The value of PAGE_DIR; undefined: the page is built, if its sources are here. */
  readonly folder: string | undefined;
  readonly logger: Logger;
  /** Ends a build. */
  readonly aborted: AbortSignal;
}

/**
 * The first call begins the search, and all others get its result. Never rejects: the service works without its page.
 * @returns null when there is none; the log says why
 */
export type FindPage = () => Promise<Page | null>;

/** The search may be a build, so it begins when somebody calls, and not beside the start of an engine. */
export const createFindPage = (options: FindPageOptions): FindPage =>
  coalesced(Number.POSITIVE_INFINITY, async () => await findPage(options));

async function findPage({ folder, logger, aborted }: FindPageOptions): Promise<Page | null> {
  if (folder === undefined && !existsSync(buildProgram)) {
    logger.info({ reason: 'PAGE_DIR is not set, and the sources of the page are not installed' }, message);
    return null;
  }
  try {
    return await readPage(folder ?? (await buildPage(aborted)));
  } catch (error) {
    if (!aborted.aborted) logger.warn({ reason: errorLine(error) }, message);
    return null;
  }
}

/**
 * Builds in a process of its own, so that this one goes on answering.
 * @returns the folder of the page
 * @throws an error with the reason of the bundler
 */
async function buildPage(signal: AbortSignal): Promise<string> {
  // Without variables, so that the page is the same in every environment, and the bundler sees no secrets.
  const options = { env: {}, signal, timeout: buildLimitMs };
  return await new Promise((resolve, reject) => {
    execFile(process.execPath, [buildProgram], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout.trim());
      else reject(new Error(`the build of the page failed: ${reasonOf(error, stderr)}`));
    });
  });
}

function reasonOf({ message: text, killed }: ExecFileException, stderr: string): string {
  if (killed === true) return `it took longer than ${buildLimitMs / 1_000} s`;
  // The bundler draws a frame around the source.
  return stderr.replaceAll(/[\u2500-\u257f]+/g, ' ').trim() || text;
}
