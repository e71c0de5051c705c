/** The configuration of the service in one process: the API's and the worker's, without the worker's port. */
import { apiConfigSchema } from '@prosemill/api';
import { oneLine } from '@prosemill/composition';
import { readConfig } from '@prosemill/core';
import { workerConfigSchema } from '@prosemill/worker';
import type { z } from 'zod';

export const standaloneConfigSchema = workerConfigSchema.omit({ WORKER_PORT: true }).extend({
  ...apiConfigSchema.shape,
  /** Not set: distilgpt2, or the shipped model where distilgpt2 cannot be loaded. */
  MODEL: oneLine.optional(),
});

export type StandaloneConfig = z.infer<typeof standaloneConfigSchema>;

/** @throws {ConfigError} with all problems */
export const readStandaloneConfig = (): Readonly<StandaloneConfig> => readConfig(standaloneConfigSchema, process.env);
