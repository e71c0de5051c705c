/** The functions of `kernel.wasm`; `src/index.ts` describes them. */
export { barrier } from './barrier';
export { appendFloat32, attendFloat32 } from './float32-pages';
export { appendInt8, attendInt8, byQuads } from './int8-pages';
export { multiply, unpack } from './products';
export { hasQuads, multiplyQuads, pairsToQuads } from './quads';
export { embed, finish, layerNorm, quantize } from './rows';
export { top } from './top';
