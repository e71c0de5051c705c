import { describe, expect, it } from 'vitest';
import { createSecret, hashSecret, isSecret } from './api-key-secret.ts';

describe('the secret of an API key', () => {
  it('is new each time, and stored as a hash that does not show it', () => {
    const created = Array.from({ length: 100 }, () => createSecret());
    expect(new Set(created.map(({ secret }) => secret)).size).toBe(created.length);
    for (const { secret, hash, prefix } of created) {
      expect(isSecret(secret)).toBe(true);
      expect(secret).toMatch(/^pm_[0-9A-Za-z]{38}$/);
      expect([hash, prefix]).toEqual([hashSecret(secret), secret.slice(0, 9)]);
      expect(hash).toMatch(/^[0-9a-f]{64}$/);
    }
  });

  it('keeps its form: old secrets stay valid', () => {
    expect(isSecret('pm_Zx3cV9bN1mQ7wE5rT8yU2iO4pA6sD0fG0UWoFD')).toBe(true);
  });

  it('differs in its checksum from one with a wrong letter', () => {
    const { secret } = createSecret();
    for (let place = 0; place < secret.length; place += 1) {
      const letter = secret[place] === 'a' ? 'b' : 'a';
      expect(isSecret(secret.slice(0, place) + letter + secret.slice(place + 1))).toBe(false);
    }
  });

  it.each(['', 'pm_', 'pm_'.padEnd(41, '0'), 'x'.repeat(10_000)])('is never %s', (text) => {
    expect(isSecret(text)).toBe(false);
  });
});
