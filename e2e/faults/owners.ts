/** Owners with API keys, as an administrator makes them. */
import type { Environment } from '../launch.ts';
import type { Cluster } from './cluster.ts';
import type { LoadOwner } from './load-client.ts';

const adminKey = 'the-key-of-who-runs-these-tests-0';

/** For a cluster that has them; its clients ask as often as they like. */
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
