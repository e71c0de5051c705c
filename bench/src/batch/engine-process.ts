/** The engine alone: `engine-process.ts MODEL`. Each text begins as soon as one has ended, and the last one counts. */
import { generate, startGenerator } from '../contestants/batched.ts';
import { serve } from '../contestants/serve.ts';
import { askAll } from '../servers/ask-all.ts';

const [folder = ''] = process.argv.slice(2);

await serve(async () => {
  const generator = await startGenerator({ folder, dtype: 'int8', slots: 32 });
  return async (work, inFlight) =>
    await askAll(work, inFlight, async (piece, seed) => {
      await generate(generator, piece, { seed });
      return piece.newTokens;
    });
});
