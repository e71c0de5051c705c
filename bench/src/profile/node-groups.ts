/** Groups the nodes of the graph by purpose. */

export const nodeGroups = [
  'matrix multiplications of the weights',
  'attention over the past',
  'quantising',
  'norms and GELU',
  'top-k',
  'reshuffling',
] as const;
export type NodeGroup = (typeof nodeGroups)[number];

/** An event of onnxruntime's profile; times in µs. */
export interface ProfileEvent {
  readonly cat: string;
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
  readonly args?: {
    readonly op_name?: string;
    /** The type and dimensions of each input. */
    readonly input_type_shape?: readonly Readonly<Record<string, readonly number[]>>[];
  };
}

const groupByOp: Readonly<Record<string, NodeGroup>> = {
  MatMulIntegerToFloat: 'matrix multiplications of the weights',
  MatMulInteger: 'matrix multiplications of the weights',
  DynamicQuantizeMatMul: 'matrix multiplications of the weights',
  MatMulNBits: 'matrix multiplications of the weights',
  Gemm: 'matrix multiplications of the weights',
  Softmax: 'attention over the past',
  Abs: 'quantising',
  ReduceMax: 'quantising',
  QuantizeLinear: 'quantising',
  DynamicQuantizeLinear: 'quantising',
  Expand: 'quantising',
  SkipLayerNormalization: 'norms and GELU',
  LayerNormalization: 'norms and GELU',
  FastGelu: 'norms and GELU',
  BiasGelu: 'norms and GELU',
  Gelu: 'norms and GELU',
  TopK: 'top-k',
};

/**
 * Tensors of attention have four dimensions: batch, head, position, and width or position. Tensors of the linear layers
 * have two.
 */
export function groupOf({ args }: ProfileEvent): NodeGroup {
  const op = args?.op_name ?? '';
  const known = groupByOp[op];
  if (known !== undefined) return known;
  const ranks = (args?.input_type_shape ?? []).map((input) => Object.values(input)[0]?.length ?? 0);
  const isOfAttention = Math.max(0, ...ranks) === 4;
  switch (op) {
    case 'MatMul':
    case 'FusedMatMul':
      return isOfAttention ? 'attention over the past' : 'matrix multiplications of the weights';
    case 'Add':
    case 'Concat':
    case 'Split':
      return isOfAttention ? 'attention over the past' : 'reshuffling';
    case 'Mul':
      return 'quantising';
    default:
      return 'reshuffling';
  }
}
