/** The `Prefer` header. @see RFC 7240 */

export interface Preference {
  /** 0: the client does not wait. */
  readonly waitMs: number;
  /** The value of `Preference-Applied`; null without a known preference. */
  readonly applied: string | null;
}

const defaultWaitSeconds = 30;
const maxWaitSeconds = 60;

/**
 * `wait=n` is clamped to 1..60 seconds; `respond-async` means no wait; with both, the answer is asynchronous after the
 * wait (§4.3). The first of repeated preferences counts (§2); other preferences are ignored.
 */
export function parsePreference(header: string | undefined): Preference {
  const preferences = new Map<string, string>();
  for (const part of (header ?? '').split(',')) {
    const [, name, value = ''] = /^\s*([\w-]+)\s*(?:=\s*"?([^";]*)"?)?\s*(?:;.*)?$/.exec(part) ?? [];
    if (name !== undefined && !preferences.has(name.toLowerCase())) preferences.set(name.toLowerCase(), value.trim());
  }
  const wait = preferences.get('wait');
  if (wait !== undefined && /^\d{1,9}$/.test(wait)) {
    const seconds = Math.min(maxWaitSeconds, Math.max(1, Number(wait)));
    return { waitMs: seconds * 1_000, applied: `wait=${seconds}` };
  }
  if (preferences.has('respond-async')) return { waitMs: 0, applied: 'respond-async' };
  return { waitMs: defaultWaitSeconds * 1_000, applied: null };
}
