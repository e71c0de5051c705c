/** The path of a stored graph, and the label that names its model. Does not load onnxruntime. */
import { join } from 'node:path';
import { graphVersion } from './graph-version.ts';
import { ProtobufMessage } from './protobuf.ts';

export interface GraphIdentity {
  /** The model's checksum, the same as in `DescribedModel`. */
  readonly checksum: string;
  readonly dtype: string;
}

export const graphFileOf = (modelDir: string, { checksum, dtype }: GraphIdentity): string =>
  join(modelDir, 'graphs', `${checksum.slice(0, 16)}-${dtype}-${graphVersion}.onnx`);

/**
 * The last bytes of a stored graph: ONNX metadata with its full identity. A file that ends with these bytes is complete
 * and belongs to this model.
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, ModelProto.metadata_props
 */
export function graphLabel({ checksum, dtype }: GraphIdentity): Uint8Array<ArrayBuffer> {
  const entry = new ProtobufMessage().string(1, 'prosemill').string(2, `${checksum} ${dtype} ${graphVersion}`);
  return new ProtobufMessage().message(14, entry).finish();
}
