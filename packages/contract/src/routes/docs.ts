/** `/docs` and `/openapi.json`: the contract for readers. They are no part of the document themselves. */
import { defineRoute } from '../policy.ts';

const page = { method: 'get', hide: true, policy: { scope: null } } as const;
const responses = { 200: { description: 'The contract.' } };

export const openApiRoute = defineRoute({ ...page, path: '/openapi.json', responses });
export const docsRoute = defineRoute({ ...page, path: '/docs', responses });
export const docsScriptRoute = defineRoute({ ...page, path: '/docs/scalar.js', responses });
