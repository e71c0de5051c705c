/** Options of an engine for tests: the shipped model in fp32 on one thread, and no hub. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@prosemill/testkit';
import type { TextGeneratorOptions } from './worker/create-text-generator.ts';

export const testOptions: TextGeneratorOptions = {
  model: 'shipped',
  revision: undefined,
  engine: 'auto',
  slots: undefined,
  dtype: 'fp32',
  modelDir: join(tmpdir(), 'prosemill-test-models'),
  hubEndpoint: 'http://not.used',
  threads: 1,
  logger: silentLogger,
};
