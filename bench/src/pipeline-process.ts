/** transformers.js as its documentation shows it: one pipeline, one prompt at a time. In a process of its own, like the engine. */
import { basename, dirname, sep } from 'node:path';
import { env, pipeline } from '@huggingface/transformers';
import type { Work, WorkResult } from './contestants.ts';

const [folder = ''] = process.argv.slice(2);
env.allowRemoteModels = false;
env.localModelPath = dirname(folder) + sep;
const generator = await pipeline('text-generation', basename(folder), { dtype: 'fp32', device: 'cpu' });

process.on('disconnect', () => process.exit(0));
process.on('message', (work: readonly Work[]) => void run(work));
process.send?.('ready');

async function run(work: readonly Work[]): Promise<void> {
  const begin = performance.now();
  let tokens = 0;
  for (const { prompt, newTokens } of work) {
    // min_new_tokens: random weights may draw the end of text.
    await generator(prompt, { max_new_tokens: newTokens, min_new_tokens: newTokens, do_sample: true, top_k: 50 });
    tokens += newTokens;
  }
  process.send?.({ tokens, ms: performance.now() - begin } satisfies WorkResult);
}
