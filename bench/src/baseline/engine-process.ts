/** The engine of a checkout of this repository: `engine-process.ts ROOT MODEL CACHE`. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type BatchedOptions, startBatched } from '../contestants/batched.ts';
import { serve } from '../contestants/serve.ts';

const [root = '', folder = '', cache = ''] = process.argv.slice(2);

await serve(async () => {
  const entry = pathToFileURL(join(root, 'packages/engine/src/index.ts')).href;
  const { createTextGenerator } = (await import(entry)) as Required<Pick<BatchedOptions, 'createTextGenerator'>>;
  const engine = await startBatched({ folder, cache, dtype: 'int8', slots: 32, createTextGenerator });
  return async (work, inFlight) => await engine.run(work, inFlight);
});
