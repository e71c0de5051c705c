import { describe, expect, it } from 'vitest';
import { requiredScope } from './access.ts';

describe('the scope that a request needs', () => {
  it.each([
    ['GET', '/health', null],
    ['GET', '/docs/scalar.js', null],
    ['POST', '/generate', 'generate'],
    ['POST', '/jobs/{id}/cancel', 'generate'],
    ['DELETE', '/jobs/{id}', 'generate'],
    ['GET', '/jobs/{id}', 'read'],
    ['HEAD', '/history', 'read'],
    ['GET', '/metrics', 'admin'],
    ['GET', '/admin/keys', 'admin'],
    ['POST', '/admin/queue/pause', 'admin'],
    ['GET', '/a-route-of-tomorrow', 'read'],
    ['PATCH', '/a-route-of-tomorrow', 'generate'],
    ['GET', '/docs/other.js', 'read'],
  ])('%s %s: %s', (method, path, scope) => {
    expect(requiredScope(method, path)).toBe(scope);
  });
});
