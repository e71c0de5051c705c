/**
 * GPT-2 in the layout that Hugging Face's exporter writes and transformers.js runs: the past is an input, and past and
 * new keys and values together are an output. It has the same fused operators as the engine's own graph, so that a
 * comparison shows the layout and the loop, not the operators.
 */
import {
  type DecoderLayer,
  type DecoderWeights,
  microsoftDomain,
  type Norm,
  OnnxGraph,
  type Value,
} from '@prosemill/engine/internals';

/** ONNX's number for the type bool. */
const booleanType = 9;
/** The mask's value for a hidden position. With −∞ a padded row that sees nothing would become NaN and spread. */
const smallestFloat = -3.4028234663852886e38;

/** @returns the bytes of onnx/model.onnx in fp32 */
export function buildExportedGraph(weights: DecoderWeights): Uint8Array<ArrayBuffer> {
  const graph = new OnnxGraph();
  const { shape, tokens, positions, layers, finalNorm } = weights;
  const { width, heads, vocabulary, epsilon } = shape;
  const headWidth = width / heads;
  const ids = graph.input('input_ids', 'int64', ['batch_size', 'sequence_length']);
  const attention = graph.input('attention_mask', 'int64', ['batch_size', 'total_sequence_length']);
  const position = graph.input('position_ids', 'int64', ['batch_size', 'sequence_length']);
  const mask = causalMask();
  const dims = (length: string): (string | number)[] => ['batch_size', heads, length, headWidth];

  const table = graph.constant(tokens, [vocabulary, width]);
  const embedded = graph.node('Gather', [table, ids]);
  const placed = graph.node('Gather', [graph.constant(positions, [shape.positions, width]), position]);
  let { normed, sum } = norm(embedded, placed, layers[0]?.attentionNorm ?? finalNorm, null);
  for (const [index, layer] of layers.entries()) {
    ({ normed, sum } = norm(attend(normed, layer, index), sum, layer.mlpNorm, layer.projection.bias));
    const inner = graph.node('MatMul', [normed, graph.constant(layer.mlpIn.weight, [width, layer.mlpIn.outputs])]);
    const active = graph.node('FastGelu', [inner, graph.constant(layer.mlpIn.bias)], {}, microsoftDomain);
    const out = graph.node('MatMul', [active, graph.constant(layer.mlpOut.weight, [layer.mlpOut.inputs, width])]);
    ({ normed, sum } = norm(out, sum, layers[index + 1]?.attentionNorm ?? finalNorm, layer.mlpOut.bias));
  }
  const logits = graph.node('FusedMatMul', [normed, table], { transB: 1 }, microsoftDomain);
  graph.output(logits, 'logits', 'float32', ['batch_size', 'sequence_length', vocabulary]);
  return graph.finish('gpt2');

  /**
   * 0 for a visible position, the smallest float for a hidden one: [batch, 1, sequence, total]. Padding is hidden from
   * all positions.
   */
  function causalMask(): Value {
    const scalar = (value: bigint): Value => graph.constant(BigInt64Array.of(value), []);
    const axes = (...values: bigint[]): Value => graph.constant(BigInt64Array.from(values));
    const sizeOf = (value: Value): Value => graph.node('Squeeze', [graph.node('Shape', [value], { start: 1, end: 2 })]);
    const total = sizeOf(attention);
    const columns = graph.node('Range', [scalar(0n), total, scalar(1n)]);
    const rows = graph.node('Range', [graph.node('Sub', [total, sizeOf(ids)]), total, scalar(1n)]);
    const isEarlier = graph.node('LessOrEqual', [columns, graph.node('Unsqueeze', [rows, axes(1n)])]);
    const isThere = graph.node('Cast', [graph.node('Unsqueeze', [attention, axes(1n, 2n)])], { to: booleanType });
    const open = graph.constant(Float32Array.of(0), []);
    const closed = graph.constant(Float32Array.of(smallestFloat), []);
    return graph.node('Where', [graph.node('And', [isEarlier, isThere]), open, closed]);
  }

  function norm(a: Value, b: Value, { gain, bias }: Norm, added: Float32Array | null): { normed: Value; sum: Value } {
    const inputs = [
      a,
      b,
      graph.constant(gain),
      graph.constant(bias),
      ...(added === null ? [] : [graph.constant(added)]),
    ];
    const attributes = { epsilon: { float: epsilon } };
    const outputs = graph.nodes('SkipLayerNormalization', inputs, { count: 4, attributes, domain: microsoftDomain });
    return { normed: outputs[0] ?? '', sum: outputs[3] ?? '' };
  }

  function attend(x: Value, layer: DecoderLayer, index: number): Value {
    const product = graph.node('MatMul', [x, graph.constant(layer.attention.weight, [width, 3 * width])]);
    const joined = graph.node('Add', [product, graph.constant(layer.attention.bias)]);
    const splitShape = graph.constant(BigInt64Array.of(0n, 0n, BigInt(heads), BigInt(headWidth)));
    const [q = '', k = '', v = ''] = graph
      .nodes('Split', [joined], { count: 3, attributes: { axis: 2, num_outputs: 3 } })
      .map((part) => graph.node('Transpose', [graph.node('Reshape', [part, splitShape])], { perm: [0, 2, 1, 3] }));
    const keys = withPast(k, `key`, index);
    const values = withPast(v, `value`, index);
    const scale = { float: 1 / Math.sqrt(headWidth) };
    const scores = graph.node('FusedMatMul', [q, keys], { transB: 1, alpha: scale }, microsoftDomain);
    const attentionWeights = graph.node('Softmax', [graph.node('Add', [scores, mask])], { axis: 3 });
    const context = graph.node('Transpose', [graph.node('MatMul', [attentionWeights, values])], { perm: [0, 2, 1, 3] });
    const merged = graph.node('Reshape', [context, graph.constant(BigInt64Array.of(0n, 0n, BigInt(width)))]);
    return graph.node('MatMul', [merged, graph.constant(layer.projection.weight, [width, width])]);
  }

  function withPast(fresh: Value, part: 'key' | 'value', layer: number): Value {
    const past = graph.input(`past_key_values.${layer}.${part}`, 'float32', dims('past_sequence_length'));
    const all = graph.node('Concat', [past, fresh], { axis: 2 });
    graph.output(all, `present.${layer}.${part}`, 'float32', dims('total_sequence_length'));
    return all;
  }
}
