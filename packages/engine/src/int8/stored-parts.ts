/** Stores a model's int8 parts as a safetensors file, and reads them part by part. */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorLine } from '@prosemill/core';
import { openSafetensors, type SafetensorsFile, safetensorsHeader } from '../tensors/safetensors.ts';
import type { DecoderShape } from '../decoder/decoder-shape.ts';
import { type ModelParts, type PartBytes, partSizes } from '../decoder/model-parts.ts';
import type { OnShare } from '../load-progress.ts';

/** No preparation writes for so long: a partial file of this age belongs to a process that was killed. */
const partialMs = 3_600_000;

/**
 * Deletes files of the same model by other versions, and partial ones. Processes go on reading the former, and make
 * them anew when they start again.
 * @param label  The label that the parts were stored with.
 * @throws {RangeError} when the file has another label, or a part is missing or has another size
 * @throws {AppError} `engine_unavailable` when it is no safetensors file, or cut off
 */
export async function openParts(path: string, shape: DecoderShape, label: string): Promise<ModelParts> {
  const file = await openSafetensors(path);
  try {
    checkParts(file, shape, label);
  } catch (error) {
    await file.close();
    throw error;
  }
  await removeOthers(path).catch(() => undefined);
  return {
    shape,
    format: 'int8',
    read: async (name, target, from = 0) => await file.readBytes(name, target, from),
    tokenReader: () => (target, from) => file.readBytesSync('tokens', target, from),
    close: async () => await file.close(),
  };
}

function checkParts({ metadata, tensors }: SafetensorsFile, shape: DecoderShape, label: string): void {
  if (metadata['prosemill'] !== label) throw new RangeError('it belongs to another model');
  for (const [name, bytes] of partSizes(shape, 'int8')) {
    const { begin = 0, end = 0 } = tensors.get(name) ?? {};
    if (end - begin !== bytes) throw new RangeError(`its part ${name} has ${end - begin} bytes, not ${bytes}`);
  }
}

/** @returns false if the file cannot be written, for the reason on standard error */
export async function storeParts(path: string, bytes: PartBytes, label: string, onShare: OnShare): Promise<boolean> {
  const partial = `${path}.partial-${randomUUID()}`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const parts = [safetensorsHeader(bytes, { prosemill: label }), ...bytes.values()];
    // Flushed, so that the file has all its bytes after a power failure. A checksum would also find bytes that the disk
    // loses later, but for it each start would have to read the token table, which stays on the disk.
    await writeFile(partial, tellingShare(parts, onShare), { flush: true });
    await rename(partial, path);
  } catch (error) {
    // The worker's log shows lines of standard error.
    process.stderr.write(`${path} cannot be written, so each start prepares the model anew: ${errorLine(error)}\n`);
    await rm(partial, { force: true }).catch(() => undefined);
    return false;
  }
  return true;
}

async function removeOthers(path: string): Promise<void> {
  const own = basename(path);
  const model = own.slice(0, own.indexOf('-int8-'));
  for (const name of await readdir(dirname(path))) {
    const other = join(dirname(path), name);
    const isUseless = name.includes('.partial-')
      ? (await stat(other)).mtimeMs < Date.now() - partialMs
      : name !== own && name.startsWith(`${model}-int8-`);
    if (isUseless) await rm(other);
  }
}

/** @param onShare  Called with the share of the parts that have been written. */
function* tellingShare(parts: readonly Uint8Array[], onShare: OnShare): Generator<Uint8Array> {
  for (const [index, part] of parts.entries()) {
    yield part;
    onShare((index + 1) / parts.length);
  }
}
