/** What the service in one process takes from the environment: what its two parts take, apart from the worker's port. */
import { apiConfigSchema } from '@prosemill/api';
import { readConfig } from '@prosemill/core';
import { workerConfigSchema } from '@prosemill/worker';
import type { z } from 'zod';

export const standaloneConfigSchema = workerConfigSchema.omit({ WORKER_PORT: true }).extend(apiConfigSchema.shape);

export type StandaloneConfig = z.infer<typeof standaloneConfigSchema>;

/** @throws {ConfigError} with all problems */
export const readStandaloneConfig = (): Readonly<StandaloneConfig> => readConfig(standaloneConfigSchema, process.env);
