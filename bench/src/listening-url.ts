/** Finds the address of an API in its log. */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

/** @throws {Error} when the process ends before it listens */
export async function listeningUrl({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new TypeError('The output of the API is no pipe.');
  for await (const line of createInterface({ input: stdout })) {
    const { msg, url } = JSON.parse(line) as { readonly msg: string; readonly url?: string };
    if (msg === 'the API listens' && url !== undefined) {
      stdout.resume();
      return url;
    }
  }
  throw new Error('The API does not listen.');
}
