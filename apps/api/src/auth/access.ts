/** Whether this installation needs API keys (`AUTH`). */
import { type ApiKeyStore, isLoopback, type Logger } from '@prosemill/core';
import type { ApiConfig } from '../config.ts';

export type Access = { readonly auth: 'off' } | { readonly auth: 'keys'; readonly adminKey: string | null };

type AccessConfig = Pick<ApiConfig, 'AUTH' | 'ADMIN_KEY' | 'HOST'>;

/** Keys are needed unless AUTH says otherwise. Default: needed where other machines reach the port. */
export function accessOf({ AUTH, ADMIN_KEY, HOST }: AccessConfig): Access {
  const auth = AUTH ?? (isLoopback(HOST) ? 'off' : 'keys');
  return auth === 'off' ? { auth } : { auth, adminKey: ADMIN_KEY ?? null };
}

/** Logs at the start who may use the API. */
export function announceAccess(access: Access, { HOST, ADMIN_KEY }: AccessConfig, logger: Logger): void {
  const fields = { auth: access.auth, host: HOST, hasAdminKey: ADMIN_KEY !== undefined };
  if (access.auth === 'keys') {
    logger.info(fields, 'requests need an API key');
  } else if (isLoopback(HOST)) {
    logger.info(fields, 'requests need no API key: only this machine reaches the port');
  } else {
    logger.warn(fields, 'requests need no API key, and other machines reach the port: AUTH=keys asks for keys');
  }
}

/** Warns when keys are needed and there is none. */
export async function warnWithoutKeys(access: Access, keys: ApiKeyStore, logger: Logger): Promise<void> {
  if (access.auth === 'off' || access.adminKey !== null || (await keys.hasValid())) return;
  logger.warn({}, 'nobody can use the API yet: there is no valid API key, and ADMIN_KEY is not set');
}
