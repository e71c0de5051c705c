/** API keys: the owner and the rights of a request. */

/** `generate`: make and change jobs. `read`: read them. `admin`: keys, queue and metrics, and nobody's jobs. */
export const scopes = ['generate', 'read', 'admin'] as const;
export type Scope = (typeof scopes)[number];

/** Longest time for which a process accepts a key after its revocation elsewhere: it remembers valid keys for so long. */
export const revocationDelayMs = 20_000;

/** A key as its administrator sees it: everything but the secret, which nobody keeps. */
export interface ApiKey {
  /** UUID v7 from `newId()`. */
  readonly id: string;
  /** Keys of one owner share its jobs. */
  readonly ownerId: string;
  readonly name: string;
  /** What the secret begins with, to recognise it by. */
  readonly prefix: string;
  readonly scopes: readonly Scope[];
  readonly createdAt: Date;
  /** Null: never. */
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  /** At most an hour behind. */
  readonly lastUsedAt: Date | null;
}
