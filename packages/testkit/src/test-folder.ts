import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Makes an empty folder that is removed after the test. For tests and `beforeEach`. */
export async function createTestFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-test-'));
  onTestFinished(async () => await rm(folder, { recursive: true }));
  return folder;
}
