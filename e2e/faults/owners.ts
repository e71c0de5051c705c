/** Owners with API keys that an administrator made. */
import { createClient } from '@prosemill/client';
import type { Environment } from '../launch.ts';
import type { Cluster } from './cluster.ts';
import type { LoadOwner } from './load-client.ts';

const adminKey = 'the-key-of-who-runs-these-tests-0';

/** Variables of a cluster with keys. Its clients have no rate limit. */
export const withKeys: Environment = { AUTH: 'keys', ADMIN_KEY: adminKey, RATE_LIMIT_PER_MINUTE: '0' };

export async function createOwner({ apis: [api] }: Cluster, ownerId: string): Promise<LoadOwner> {
  const administrator = createClient({ url: api?.url ?? '', apiKey: adminKey });
  const { secret } = await administrator.createKey({ owner: ownerId, name: 'load' });
  return { ownerId, secret };
}
