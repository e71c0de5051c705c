/** The lines of a text file. */
import { createReadStream } from 'node:fs';

/** `readline` ends a line at U+2028 and U+2029 too, which JSON may have as they are. */
export async function* readLines(path: string): AsyncGenerator<string, void> {
  let rest = '';
  for await (const chunk of createReadStream(path, 'utf8') as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield line.replace(/\r$/, '');
  }
  if (rest !== '') yield rest;
}
