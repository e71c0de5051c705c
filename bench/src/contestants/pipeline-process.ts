/** transformers.js, used as in its documentation: one pipeline, one prompt at a time. */
import { basename, dirname, sep } from 'node:path';
import { env, pipeline } from '@huggingface/transformers';
import { sum } from '../statistics.ts';
import { serve } from './serve.ts';

const [folder = ''] = process.argv.slice(2);

await serve(async () => {
  env.allowRemoteModels = false;
  env.localModelPath = dirname(folder) + sep;
  const generator = await pipeline('text-generation', basename(folder), { dtype: 'fp32', device: 'cpu' });
  return async (work) => {
    const begin = performance.now();
    for (const { prompt, newTokens } of work) {
      await generator(prompt, { max_new_tokens: newTokens, do_sample: true, temperature: 1, top_k: 50 });
    }
    return { tokens: sum(work.map(({ newTokens }) => newTokens)), ms: performance.now() - begin };
  };
});
