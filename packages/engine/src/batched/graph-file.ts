/** Where a finished graph lies, without the library that runs it. */
import { join } from 'node:path';
import { graphVersion } from './graph-version.ts';

/** @param of  `modelDir`: where downloaded models are kept; `weightsChecksum`: sha256, 64 hex digits. */
export const graphFileOf = (of: {
  readonly modelDir: string;
  readonly weightsChecksum: string;
  readonly dtype: string;
}): string => join(of.modelDir, 'graphs', `${of.weightsChecksum.slice(0, 16)}-${of.dtype}-${graphVersion}.onnx`);
