/** Which scope a request needs, where keys are on: one rule for the API and for its document. */
import type { Scope } from '@prosemill/core';

const openPaths: ReadonlySet<string> = new Set([
  '/docs',
  '/docs/scalar.js',
  '/openapi.json',
  '/health',
  '/livez',
  '/readyz',
]);

/**
 * What is not named here is closed, paths that do not exist included.
 * @param method  In capitals.
 * @param path  Of a request, or the pattern of a route.
 * @returns null for what is open to everybody
 */
export function requiredScope(method: string, path: string): Scope | null {
  if (openPaths.has(path)) return null;
  if (path === '/metrics' || path.startsWith('/admin/')) return 'admin';
  return method === 'GET' || method === 'HEAD' ? 'read' : 'generate';
}
