/** Text of files and of standard input. */
import { UsageError } from './exit-codes.ts';

/**
 * The mark that some programs write in front of UTF-8 is left out.
 * @param name  of the file, for the message
 * @throws {UsageError} for bytes that are not UTF-8
 */
export async function* readUtf8(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<string, void> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const decode = (chunk?: Uint8Array): string => {
    try {
      return decoder.decode(chunk, { stream: chunk !== undefined });
    } catch (error) {
      throw new UsageError(`${name} is not UTF-8.`, { cause: error });
    }
  };
  for await (const chunk of chunks) yield decode(chunk);
  yield decode();
}
