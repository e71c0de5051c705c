/** Makes a model's int8 parts from its weights. */
import { readFile } from 'node:fs/promises';
import { createTokenizer } from '@prosemill/tokenizer';
import type { DecoderWeights } from '../decoder/decoder-weights.ts';
import type { HeldParts } from '../decoder/model-parts.ts';
import { type OnShare, partOf } from '../load-progress.ts';
import { balance } from './balance.ts';
import { calibrate } from './calibration.ts';
import { int8Parts } from './int8-parts.ts';

const calibrationText = new URL('../../texts/calibration.txt', import.meta.url);

/**
 * Balances on what int8 itself computes, whose bits are the same on every machine: so every machine makes the same
 * parts. The first pass sees the numbers of unbalanced weights, the second those of weights that are nearly balanced.
 */
const passes = 2;

/** @param tokenizer  The same value as in core's `ModelRecord`. */
export async function prepareInt8(weights: DecoderWeights, tokenizer: string, onShare: OnShare): Promise<HeldParts> {
  const ids = createTokenizer(tokenizer).encode(await readFile(calibrationText, 'utf8'));
  const balanced = await balanceOn(weights, ids, partOf(onShare, 0, 0.8));
  return int8Parts(balanced, partOf(onShare, 0.8, 1));
}

/** Changes the weights themselves. @param ids  A few hundred tokens of ordinary text. */
export async function balanceOn(
  weights: DecoderWeights,
  ids: readonly number[],
  onShare: OnShare = () => undefined,
): Promise<DecoderWeights> {
  let balanced = weights;
  for (let pass = 0; pass < passes; pass += 1) {
    const onPass = partOf(onShare, pass / passes, (pass + 1) / passes);
    const calibration = await calibrate(int8Parts(balanced), ids, partOf(onPass, 0, 0.7));
    balanced = balance(balanced, calibration, partOf(onPass, 0.7, 1));
  }
  return balanced;
}
