/** Finds the page at the start of a process, in the folder of PAGE_DIR. */
import { errorLine, type Logger } from '@prosemill/core';
import { type Page, readPage } from './read-page.ts';

export interface FindPageOptions {
  readonly folder: string | undefined;
  readonly logger: Logger;
}

/** Never rejects: the service works without its page. @returns null when there is none; the log says why */
export async function findPage({ folder, logger }: FindPageOptions): Promise<Page | null> {
  const message = 'there is no page: GET / is the JSON index for browsers too';
  if (folder === undefined) {
    logger.info({ reason: 'PAGE_DIR is not set' }, message);
    return null;
  }
  try {
    return await readPage(folder);
  } catch (error) {
    logger.warn({ reason: errorLine(error) }, message);
    return null;
  }
}
