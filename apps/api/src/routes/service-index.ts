/** `/` and `/me`: the description of the service, for people as its page, and that of the caller. */
import {
  meRoute,
  parameterRanges,
  presentOwnKey,
  presentParameters,
  requestLimits,
  serviceIndexRoute,
} from '@prosemill/contract';
import { defaultSamplingParameters, isRetryable } from '@prosemill/core';
import type { ApiServices } from '../api-services.ts';
import type { AddRoute } from '../route-table.ts';
import { wantsPage } from '../wire/prefers.ts';
import { sendDocument } from './page.ts';

export interface ServiceIndexOptions {
  readonly auth: 'off' | 'keys';
  readonly maxQueueLength: number;
}

/** The paths that a client begins with. */
const paths = {
  generate: '/generate',
  jobs: '/jobs',
  batches: '/batches',
  history: '/history',
  completions: '/v1/completions',
  models: '/v1/models',
  me: '/me',
  live: '/live',
  machine: '/machine',
  health: '/health',
  docs: '/docs',
  openapi: '/openapi.json',
} as const;

export function addServiceIndexRoutes(
  addRoute: AddRoute,
  { state, servedModel, version, findPage }: ApiServices,
  { auth, maxQueueLength }: ServiceIndexOptions,
): void {
  /** Null while no model is known, and while the database is away: nothing else in the answer needs it. */
  const contextLength = async (): Promise<number | null> => {
    try {
      return (await servedModel())?.contextLength ?? null;
    } catch (error) {
      if (!isRetryable(error)) throw error;
      return null;
    }
  };

  addRoute(serviceIndexRoute, async (c) => {
    const { basePath } = c.var;
    c.header('Vary', 'Accept');
    const found = wantsPage(c.req.header('Accept')) ? await findPage() : null;
    if (found !== null) return sendDocument(c, found.document);
    return c.json(
      {
        version,
        auth,
        model: (await state.current()).model,
        limits: {
          prompt_characters: requestLimits.promptCharacters,
          max_length: requestLimits.maxLength,
          context_tokens: await contextLength(),
          stop: requestLimits.stopStrings,
          stop_characters: requestLimits.stopCharacters,
          parameters: parameterRanges,
          queue: maxQueueLength,
        },
        defaults: presentParameters(defaultSamplingParameters),
        links: Object.fromEntries(Object.entries(paths).map(([name, path]) => [name, basePath + path])),
      },
      200,
    );
  });

  addRoute(meRoute, (c) => {
    const { ownerId, key } = c.var.caller;
    return c.json({ owner: ownerId, key: key === null ? null : presentOwnKey(key) }, 200);
  });
}
