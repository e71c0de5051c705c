/** Snippets for this service. */
import type { GenerationRequest } from '@prosemill/client';
import type { Copyable } from '../parts/copy-menu.tsx';
import { index, needsKeys } from '../service-state.ts';
import { snippets } from '../snippets.ts';

/** @param getBody the request at the time of copying */
export const ownSnippets = (getBody: () => GenerationRequest): readonly Copyable[] =>
  snippets.map(({ name, write }) => ({
    name,
    make: () =>
      write({
        body: getBody(),
        baseUrl: new URL('.', location.href).href.replace(/\/$/, ''),
        needsKey: needsKeys.peek(),
        modelName: index.peek()?.model?.name ?? '',
      }),
  }));
