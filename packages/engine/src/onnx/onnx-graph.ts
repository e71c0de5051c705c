/** Builds an ONNX model node by node. @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (field numbers) */
import { ProtobufMessage } from './protobuf.ts';

/** The name of a value that flows between nodes. */
export type Value = string;

/** A whole number becomes an int attribute, `{ float }` a float one. */
export type Attributes = Readonly<Record<string, number | readonly number[] | { readonly float: number }>>;

const elementTypes = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7 } as const;
export type ElementType = keyof typeof elementTypes;

type Elements = Float32Array | Uint8Array | Int8Array | Int32Array | BigInt64Array;

const irVersion = 8;
const opset = 18;
/** onnxruntime's own operators. */
export const microsoftDomain = 'com.microsoft';

export class OnnxGraph {
  readonly #nodes: Node[] = [];
  readonly #initializers: ProtobufMessage[] = [];
  readonly #inputs: ProtobufMessage[] = [];
  readonly #outputs: ProtobufMessage[] = [];
  readonly #outputNames = new Map<Value, string>();
  #names = 0;

  /** @param dims  Numbers, or names for sizes that are known only at run time. */
  input(name: string, type: ElementType, dims: readonly (number | string)[]): Value {
    this.#inputs.push(valueInfo(name, type, dims));
    return name;
  }

  /** Makes a value an output of the graph under this name. A value can have only one name. */
  output(value: Value, name: string, type: ElementType, dims: readonly (number | string)[]): void {
    this.#outputNames.set(value, name);
    this.#outputs.push(valueInfo(name, type, dims));
  }

  /** @param data  Row-major; not copied before `finish`. */
  constant(data: Elements, dims: readonly number[] = [data.length]): Value {
    const name = this.#newName('constant');
    const tensor = new ProtobufMessage();
    for (const dim of dims) tensor.int(1, dim);
    tensor.int(2, elementTypes[typeOf(data)]).string(8, name);
    tensor.bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    this.#initializers.push(tensor);
    return name;
  }

  /** Adds a node with one output. An omitted optional input is ''. */
  node(op: string, inputs: readonly Value[], attributes: Attributes = {}, domain = ''): Value {
    return this.nodes(op, inputs, { count: 1, attributes, domain })[0] ?? '';
  }

  nodes(
    op: string,
    inputs: readonly Value[],
    { count, attributes = {}, domain = '' }: { count: number; attributes?: Attributes; domain?: string },
  ): readonly Value[] {
    const outputs = Array.from({ length: count }, () => this.#newName(op));
    this.#nodes.push({ op, inputs, outputs, attributes, domain });
    return outputs;
  }

  /** The bytes of an .onnx file. */
  finish(name: string): Uint8Array<ArrayBuffer> {
    const graph = new ProtobufMessage();
    for (const node of this.#nodes) graph.message(1, nodeMessage(node, this.#outputNames));
    graph.string(2, name);
    for (const initializer of this.#initializers) graph.message(5, initializer);
    for (const input of this.#inputs) graph.message(11, input);
    for (const output of this.#outputs) graph.message(12, output);
    const model = new ProtobufMessage().int(1, irVersion).string(2, 'prosemill').message(7, graph);
    for (const [domain, version] of [['', opset] as const, [microsoftDomain, 1] as const]) {
      model.message(8, new ProtobufMessage().string(1, domain).int(2, version));
    }
    return model.finish();
  }

  #newName(prefix: string): string {
    this.#names += 1;
    return `${prefix}_${this.#names}`;
  }
}

interface Node {
  readonly op: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly attributes: Attributes;
  readonly domain: string;
}

function nodeMessage(
  { op, inputs, outputs, attributes, domain }: Node,
  outputNames: ReadonlyMap<Value, string>,
): ProtobufMessage {
  const node = new ProtobufMessage();
  const nameOf = (value: Value): string => outputNames.get(value) ?? value;
  for (const input of inputs) node.string(1, nameOf(input));
  for (const output of outputs) node.string(2, nameOf(output));
  node.string(3, outputs[0] ?? '').string(4, op);
  for (const [name, value] of Object.entries(attributes)) node.message(5, attributeMessage(name, value));
  return node.string(7, domain);
}

function attributeMessage(name: string, value: Attributes[string]): ProtobufMessage {
  const attribute = new ProtobufMessage().string(1, name);
  if (typeof value === 'number') return attribute.int(3, value).int(20, 2);
  if ('float' in value) return attribute.float(2, value.float).int(20, 1);
  for (const item of value) attribute.int(8, item);
  return attribute.int(20, 7);
}

function valueInfo(name: string, type: ElementType, dims: readonly (number | string)[]): ProtobufMessage {
  const tensor = new ProtobufMessage().int(1, elementTypes[type]).message(2, shapeMessage(dims));
  return new ProtobufMessage().string(1, name).message(2, new ProtobufMessage().message(1, tensor));
}

function shapeMessage(dims: readonly (number | string)[]): ProtobufMessage {
  const shape = new ProtobufMessage();
  for (const dim of dims) {
    const message = new ProtobufMessage();
    shape.message(1, typeof dim === 'number' ? message.int(1, dim) : message.string(2, dim));
  }
  return shape;
}

function typeOf(data: Elements): ElementType {
  if (data instanceof Float32Array) return 'float32';
  if (data instanceof Int8Array) return 'int8';
  if (data instanceof Uint8Array) return 'uint8';
  if (data instanceof Int32Array) return 'int32';
  return 'int64';
}
