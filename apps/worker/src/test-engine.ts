/** The engine of the worker's tests: the shipped model on one thread. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const shippedEngine = (slots: number | undefined) =>
  ({
    model: 'shipped',
    revision: undefined,
    engine: 'auto',
    slots,
    dtype: 'fp32',
    modelDir: join(tmpdir(), 'prosemill-test-models'),
    hubEndpoint: 'http://not.used',
    threads: 1,
  }) as const;
