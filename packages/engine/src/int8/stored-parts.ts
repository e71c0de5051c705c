/** Stores a model's int8 parts as a safetensors file, and reads them part by part. */
import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { openSafetensors, safetensorsHeader } from '../tensors/safetensors.ts';
import type { DecoderShape } from '../decoder/decoder-shape.ts';
import type { ModelParts, PartBytes } from '../decoder/model-parts.ts';
import type { OnShare } from '../load-progress.ts';

const pieceBytes = 2 ** 22;

/**
 * @param label  The label that the parts were stored with.
 * @throws {RangeError} when the file has another label
 * @throws {AppError} `engine_unavailable` when it is no safetensors file, or cut off
 */
export async function openParts(path: string, shape: DecoderShape, label: string): Promise<ModelParts> {
  const file = await openSafetensors(path);
  if (file.metadata['prosemill'] !== label) {
    await file.close();
    throw new RangeError('it belongs to another model');
  }
  return {
    shape,
    format: 'int8',
    read: async (name, target, from = 0) => await file.readBytes(name, target, from),
    tokenReader: () => (target, from) => file.readBytesSync('tokens', target, from),
    close: async () => await file.close(),
  };
}

/** @returns false if the file cannot be written */
export async function storeParts(path: string, bytes: PartBytes, label: string, onShare: OnShare): Promise<boolean> {
  const partial = `${path}.partial-${randomUUID()}`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const header = safetensorsHeader(bytes, { prosemill: label });
    await writeFile(partial, piecesOf([header, ...bytes.values()], onShare));
    await rename(partial, path);
    return true;
  } catch {
    await rm(partial, { force: true }).catch(() => undefined);
    return false;
  }
}

/** @param onShare  Called with the share of the bytes that have been consumed. */
function* piecesOf(parts: readonly Uint8Array[], onShare: OnShare): Generator<Uint8Array> {
  const total = parts.reduce((sum, { length }) => sum + length, 0);
  let taken = 0;
  for (const part of parts) {
    for (let start = 0; start < part.length; start += pieceBytes) {
      const piece = part.subarray(start, start + pieceBytes);
      yield piece;
      taken += piece.length;
      onShare(taken / total);
    }
  }
}
