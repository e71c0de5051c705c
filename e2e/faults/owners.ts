/** Owners with API keys that an administrator made. */
import type { Environment } from '../launch.ts';
import type { Cluster } from './cluster.ts';
import type { LoadOwner } from './load-client.ts';

const adminKey = 'the-key-of-who-runs-these-tests-0';

/** Variables of a cluster with keys. Its clients have no rate limit. */
export const withKeys: Environment = { AUTH: 'keys', ADMIN_KEY: adminKey, RATE_LIMIT_PER_MINUTE: '0' };

export async function createOwner({ apis: [api] }: Cluster, ownerId: string): Promise<LoadOwner> {
  const response = await fetch(`${api?.url ?? ''}/admin/keys`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${adminKey}` },
    body: JSON.stringify({ owner: ownerId, name: 'load' }),
  });
  if (response.status !== 201) throw new Error(`Expected a key, and got ${response.status}: ${await response.text()}`);
  const { secret } = (await response.json()) as { readonly secret: string };
  return { ownerId, secret };
}
