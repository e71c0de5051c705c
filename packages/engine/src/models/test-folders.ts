/** Model folders for tests: each test has a directory of its own for them. */
import { join } from 'node:path';
import { createTestFolder, type Gpt2FolderOptions, silentLogger, writeGpt2Folder } from '@prosemill/testkit';
import { beforeEach } from 'vitest';
import { type TestText, type TestTextOptions, writeTestText } from '../test-text.ts';

export interface TestFolders {
  /** The directory of the running test. */
  readonly modelDir: string;
  /** Writes a small GPT-2 model into the folder `name`. */
  readonly write: (name: string, options?: Gpt2FolderOptions) => Promise<string>;
  /** Writes a text with a model. */
  readonly run: (model: string, options?: Partial<TestTextOptions>) => Promise<TestText>;
}

/** For the top level of a test file. */
export function createTestFolders(): TestFolders {
  let modelDir: string;
  beforeEach(async () => {
    modelDir = await createTestFolder();
  });
  return {
    get modelDir() {
      return modelDir;
    },
    write: async (name, options) => {
      const folder = join(modelDir, name);
      await writeGpt2Folder(folder, options);
      return folder;
    },
    run: async (model, options = {}) => await writeTestText(model, { modelDir, logger: silentLogger, ...options }),
  };
}
