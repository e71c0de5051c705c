/** What an API key may do. */

/** `generate`: make and change jobs. `read`: read them. `admin`: keys, queue and metrics, and no jobs. */
export const scopes = ['generate', 'read', 'admin'] as const;
export type Scope = (typeof scopes)[number];
