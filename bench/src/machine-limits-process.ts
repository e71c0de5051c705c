/**
 * Measures the machine's limits with onnxruntime itself. Runs in a process of its own, so that its threads end with it.
 */
import { availableParallelism } from 'node:os';
import { InferenceSession, microsoftDomain, OnnxGraph, Tensor, type Value } from '@prosemill/engine/internals';

export interface MachineLimits {
  /** Billions of operations per second; a multiplication and an addition are two operations. */
  readonly int8Gops: number;
  readonly fp32Gflops: number;
  readonly memoryGBs: number;
}

/** The MLP of distilgpt2, with so many rows that the time to read the weights does not matter. */
const [rows, inputs, outputs] = [1024, 768, 3072];
/** The number of products in one run, each with weights of its own. */
const products = 8;
const readBytes = 256 * 2 ** 20;
const attempts = 12;

const operations = 2 * rows * inputs * outputs * products;
const limits: MachineLimits = {
  int8Gops: operations / (await fastestMs(int8Graph(), rowsOf('uint8'))) / 1e6,
  fp32Gflops: operations / (await fastestMs(fp32Graph(), rowsOf('float32'))) / 1e6,
  memoryGBs: readBytes / (await fastestMs(readGraph(), readTensor())) / 1e6,
};
process.send?.(limits);
process.disconnect?.();

async function fastestMs(graph: OnnxGraph, x: Tensor): Promise<number> {
  const options = { intraOpNumThreads: availableParallelism(), interOpNumThreads: 1 };
  const session = await InferenceSession.create(graph.finish('limit'), options);
  let fastest = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const begin = performance.now();
    await session.run({ x });
    fastest = Math.min(fastest, performance.now() - begin);
  }
  await session.release();
  return fastest;
}

function int8Graph(): OnnxGraph {
  const graph = new OnnxGraph();
  const x = graph.input('x', 'uint8', [rows, inputs]);
  const one = graph.constant(Float32Array.of(1), []);
  const zeroPoint = graph.constant(Uint8Array.of(128), []);
  const scales = graph.constant(new Float32Array(outputs).fill(0.01));
  return withProducts(graph, (index) => {
    const weight = graph.constant(Int8Array.from(noise(index, 127)), [inputs, outputs]);
    return graph.node('MatMulIntegerToFloat', [x, weight, one, scales, zeroPoint], {}, microsoftDomain);
  });
}

function fp32Graph(): OnnxGraph {
  const graph = new OnnxGraph();
  const x = graph.input('x', 'float32', [rows, inputs]);
  return withProducts(graph, (index) =>
    graph.node('MatMul', [x, graph.constant(Float32Array.from(noise(index, 1)), [inputs, outputs])]),
  );
}

/** Outputs one row of each product, because outputting all rows would measure the copy. */
function withProducts(graph: OnnxGraph, product: (index: number) => Value): OnnxGraph {
  const row = graph.constant(BigInt64Array.of(0n));
  const parts = Array.from({ length: products }, (_, index) => graph.node('Gather', [product(index), row]));
  graph.output(graph.node('Concat', parts, { axis: 0 }), 'y', 'float32', [products, outputs]);
  return graph;
}

/** Reads all rows once, which together fit no CPU cache, and outputs only the maximum of each. */
function readGraph(): OnnxGraph {
  const graph = new OnnxGraph();
  const x = graph.input('x', 'float32', ['rows', 'columns']);
  const axes = graph.constant(BigInt64Array.of(1n));
  graph.output(graph.node('ReduceMax', [x, axes], { keepdims: 0 }), 'y', 'float32', ['rows']);
  return graph;
}

function readTensor(): Tensor {
  const columns = 8_192;
  const values = new Float32Array(readBytes / 4).fill(1);
  return new Tensor('float32', values, [values.length / columns, columns]);
}

function rowsOf(type: 'uint8' | 'float32'): Tensor {
  const values = Array.from({ length: rows * inputs }, (_, index) => (index * 37) % 256);
  return type === 'uint8'
    ? new Tensor('uint8', Uint8Array.from(values), [rows, inputs])
    : new Tensor('float32', Float32Array.from(values), [rows, inputs]);
}

function noise(seed: number, limit: number): readonly number[] {
  return Array.from({ length: inputs * outputs }, (_, index) => Math.sin(index * 12.9898 + seed) * limit);
}
