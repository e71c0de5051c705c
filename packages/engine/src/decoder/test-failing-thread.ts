/** A process in which the calling thread of a decoder or another one fails within a step. */
import { readTestModel } from '../families/gpt2/test-model.ts';
import { int8Parts } from '../int8/int8-parts.ts';
import { Decoder } from './decoder.ts';
import { planMemory } from './memory-plan.ts';

const [, , folder = '', failing] = process.argv;
const { weights } = await readTestModel(folder);
const options = { threads: 2, texts: 1, rows: 4, wanted: 1 };
let isBroken = false;
const onPart = (): void => {
  if (isBroken && failing === 'calling') throw new RangeError('the calling thread failed');
};
const decoder = await Decoder.open(int8Parts(weights), { ...options, observer: { onPart } });
const text = decoder.pages.add(9);
const { logitsOf } = await decoder.step([{ text, ids: [1, 2], wanted: 1 }], { withLogits: true });
isBroken = true;
if (failing === 'other') {
  // The only head is the other thread's. Its keys are now outside of the memory.
  const { tables } = planMemory({ ...options, shape: weights.shape, format: 'int8' });
  new Uint32Array(logitsOf(0).buffer, tables, 1).fill(0xff_ff_00_00);
}
await decoder.step([{ text, ids: [3], wanted: 1 }]);
