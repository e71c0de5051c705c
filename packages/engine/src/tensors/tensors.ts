/** Reads the tensors of a model, which may have several files. */
import { refuse } from '../models/model-refusals.ts';
import { openSafetensors, type SafetensorsFile } from './safetensors.ts';

export interface Tensors {
  has(name: string): boolean;
  /**
   * Reads a tensor's values, row-major.
   * @throws {AppError} `engine_unavailable` when the tensor is missing, has another shape or a number format that
   *   cannot be read, or has a number that is not finite
   */
  read(name: string, shape: readonly number[]): Promise<Float32Array>;
  close(): Promise<void>;
}

/**
 * @param paths  The files. If several have the same tensor, the last one counts.
 * @throws {AppError} `engine_unavailable` when one of them is not a safetensors file
 */
export async function openTensors(paths: readonly string[]): Promise<Tensors> {
  const files: SafetensorsFile[] = [];
  const close = async (): Promise<void> => void (await Promise.all(files.map((file) => file.close())));
  try {
    for (const path of paths) files.push(await openSafetensors(path));
  } catch (error) {
    await close();
    throw error;
  }
  const fileByName = new Map(files.flatMap((file) => [...file.tensors.keys()].map((name) => [name, file] as const)));
  return {
    has: (name) => fileByName.has(name),
    async read(name, shape) {
      const file = fileByName.get(name);
      const info = file?.tensors.get(name);
      if (file === undefined || info === undefined) {
        throw refuse('missing-tensor', { file: paths.join(', '), tensor: name });
      }
      if (info.shape.join() !== shape.join()) {
        const shapes = { shape: info.shape.join(', '), expected: shape.join(', ') };
        throw refuse('tensor-shape', { file: file.path, tensor: name, ...shapes });
      }
      const values = await file.read(name);
      if (!areFinite(values)) throw refuse('not-finite', { file: file.path, tensor: name });
      return values;
    },
    close,
  };
}

/** Several times as fast as `every`. */
function areFinite(values: Float32Array): boolean {
  for (let index = 0; index < values.length; index += 1) {
    if (!Number.isFinite(values[index])) return false;
  }
  return true;
}
