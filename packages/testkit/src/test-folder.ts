import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Makes an empty folder that is removed after the test. For tests and `beforeEach`. */
export async function createTestFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-test-'));
  onTestFinished(async () => await removeTestFolder(folder));
  return folder;
}

/** Tries several times: the engine's process of a killed service writes its compiled code while it ends. */
export const removeTestFolder = async (folder: string): Promise<void> =>
  await rm(folder, { recursive: true, maxRetries: 10 });
