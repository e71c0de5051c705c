/**
 * Prints a digest of everything that int8 computes for a model: prepared weights, and the logits of a text, by the
 * kernel's products and by onnxruntime's. A process of its own, so that it can run on emulated machines.
 */
import { createHash } from 'node:crypto';
import { argv } from 'node:process';
import { Decoder } from '../decoder/decoder.ts';
import { readTestModel } from '../families/gpt2/test-model.ts';
import { int8Parts } from './int8-parts.ts';
import { balanceOn } from './prepare-int8.ts';

const [, , folder = '', threads = '1'] = argv;
const ids = Array.from({ length: 30 }, (_, place) => (place * 17 + place * place) % 301);

const { weights } = await readTestModel(folder);
const parts = int8Parts(await balanceOn(weights, ids));
const prepared = createHash('sha256');
for (const [name, bytes] of parts.bytes) prepared.update(name).update(bytes);
process.stdout.write(`weights ${prepared.digest('hex')}\n`);

const limits = { threads: Number(threads), texts: 1, rows: 10, wanted: 10 };
for (const size of [1, 10]) {
  const decoder = await Decoder.open(parts, limits);
  const text = decoder.pages.add(ids.length);
  const logits = createHash('sha256');
  for (let done = 0; done < ids.length; done += size) {
    const piece = ids.slice(done, done + size);
    const output = await decoder.step([{ text, ids: piece, wanted: piece.length }], { withLogits: true });
    for (const row of piece.keys()) logits.update(output.logitsOf(row).slice());
  }
  process.stdout.write(`logits ${logits.digest('hex')}\n`);
  await decoder.close();
}
