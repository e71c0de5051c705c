/** A place with the files of a model: a folder, or a repository on the hub. */
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { refuse } from './model-refusals.ts';

export interface FileSource {
  /** The model's name in messages. */
  readonly model: string;
  /** A file's name in messages. */
  locate(path: string): string;
  has(path: string): Promise<boolean>;
  /** The text of a small file, without a byte order mark; null if there is no such file. */
  read(path: string): Promise<string | null>;
}

const utf8 = new TextDecoder();

export function folderSource(folder: string): FileSource {
  const locate = (path: string): string => join(folder, path);
  return {
    model: `The model folder ${folder}`,
    locate,
    has: async (path) =>
      await access(locate(path)).then(
        () => true,
        () => false,
      ),
    read: async (path) =>
      await readFile(locate(path)).then(
        (bytes) => utf8.decode(bytes),
        (cause: unknown) => {
          if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
          throw refuse('unreadable-file', { file: locate(path) }, cause);
        },
      ),
  };
}
