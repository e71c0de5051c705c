/** API keys: the owner and the rights of a request. */

/** `generate`: make and change jobs. `read`: read jobs. `admin`: keys, queue and metrics, but no jobs. */
export const scopes = ['generate', 'read', 'admin'] as const;
export type Scope = (typeof scopes)[number];

/** The longest time for which a process accepts a key after its revocation elsewhere: the age limit of its cache. */
export const revocationDelayMs = 20_000;

/** A key as its administrator sees it. The secret is stored nowhere. */
export interface ApiKey {
  /** UUID v7 from `newId()`. */
  readonly id: string;
  /** Keys of one owner share its jobs. */
  readonly ownerId: string;
  readonly name: string;
  /** Beginning of the secret, by which people recognise the key. */
  readonly prefix: string;
  readonly scopes: readonly Scope[];
  readonly createdAt: Date;
  /** Null: the key does not expire. */
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  /** At most an hour behind. */
  readonly lastUsedAt: Date | null;
}
