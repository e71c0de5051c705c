import type { ModelFamily } from '../families.ts';
import { findUnsupported, gpt2EndOfText, isGpt2, readGpt2Shape } from './gpt2-config.ts';
import { readGpt2Weights } from './read-gpt2-weights.ts';

export const gpt2: ModelFamily = {
  name: 'gpt2',
  has: isGpt2,
  readShape: readGpt2Shape,
  findUnsupported,
  endOfText: gpt2EndOfText,
  readWeights: readGpt2Weights,
};
