import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LogFields, Logger } from '@prosemill/core';
import { silentLogger } from '@prosemill/testkit';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createFindPage } from './find-page.ts';

describe('the page of a process', () => {
  let folder: string;
  let lines: (LogFields & { readonly msg: string })[];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'prosemill-page-'));
    onTestFinished(async () => await rm(folder, { recursive: true }));
    lines = [];
  });
  const find = async () => {
    const logger: Logger = { ...silentLogger, warn: (fields, msg) => void lines.push({ ...fields, msg }) };
    return await createFindPage({ folder, logger, aborted: new AbortController().signal })();
  };

  it('is that of PAGE_DIR', async () => {
    await mkdir(join(folder, 'assets'));
    await writeFile(join(folder, 'index.html'), 'a page');
    expect((await find())?.document.content.toString()).toBe('a page');
    expect(lines).toEqual([]);
  });

  it('may be missing, which the log says in one line', async () => {
    expect(await find()).toBeNull();
    expect(lines).toMatchObject([{ msg: expect.stringMatching(/^there is no page/), reason: expect.any(String) }]);
  });
});
