/** The client as one script, as a bundler makes it for a page. */
import { build, type Rollup } from 'vite';

export interface ClientBundle {
  /** A script that sets the global `prosemill` to the exports of the client. */
  readonly code: string;
  /** The files in it. */
  readonly modules: readonly string[];
}

/** @param entry  The path of the client's module. */
export async function bundleClient(entry: string): Promise<ClientBundle> {
  const result = await build({
    configFile: false,
    logLevel: 'warn',
    build: { write: false, lib: { entry, formats: ['iife'], name: 'prosemill' } },
  });
  const [bundle] = result as Rollup.RollupOutput[];
  const [chunk] = bundle?.output ?? [];
  if (chunk === undefined) throw new Error(`There is no bundle of ${entry}.`);
  return { code: chunk.code, modules: Object.keys(chunk.modules) };
}
