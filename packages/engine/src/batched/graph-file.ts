/** Where a finished graph lies and how it says of which model it is, without the library that runs it. */
import { join } from 'node:path';
import { graphVersion } from './graph-version.ts';
import { ProtobufMessage } from './protobuf.ts';

/** The inputs that a graph depends on. */
export interface GraphIdentity {
  /** The model's checksum, as in `DescribedModel`. */
  readonly checksum: string;
  readonly dtype: string;
}

/** @param modelDir  Where downloaded models are kept. */
export const graphFileOf = (modelDir: string, { checksum, dtype }: GraphIdentity): string =>
  join(modelDir, 'graphs', `${checksum.slice(0, 16)}-${dtype}-${graphVersion}.onnx`);

/**
 * The last bytes of a stored graph: its full name as metadata of an ONNX file. A file that ends with these is whole, and of this model.
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, ModelProto.metadata_props
 */
export function graphLabel({ checksum, dtype }: GraphIdentity): Uint8Array<ArrayBuffer> {
  const entry = new ProtobufMessage().string(1, 'prosemill').string(2, `${checksum} ${dtype} ${graphVersion}`);
  return new ProtobufMessage().message(14, entry).finish();
}
