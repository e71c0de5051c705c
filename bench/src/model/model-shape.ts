/** distilgpt2's exact shape. */
import type { DecoderShape } from '@prosemill/engine/internals';

export const modelShape: DecoderShape = {
  layers: 6,
  heads: 12,
  width: 768,
  innerWidth: 3072,
  vocabulary: 50_257,
  positions: 1024,
  epsilon: 1e-5,
  activation: 'gelu-tanh',
};

/** The id of the end-of-text token. */
export const endId = 50_256;

export const ggufName = 'model-Q8_0.gguf';

/** The number of weights in the products of each new token: all matrices and the head, which is the token table. */
export const multipliedWeights = ((): number => {
  const { layers, width, innerWidth, vocabulary } = modelShape;
  return layers * (4 * width * width + 2 * width * innerWidth) + vocabulary * width;
})();
