/** Whether a key still opens anything. */
import type { KeyBody } from '@prosemill/contract';

export type KeyState = 'valid' | 'expired' | 'revoked';

export function stateOf({ revoked_at, expires_at }: KeyBody, nowMs: number): KeyState {
  if (revoked_at !== null) return 'revoked';
  return expires_at !== null && Date.parse(expires_at) <= nowMs ? 'expired' : 'valid';
}
