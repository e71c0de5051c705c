/** `/openapi.json`, and the page `/docs`, which shows it with Scalar's script and loads nothing from other hosts. */
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { docsRoute, docsScriptRoute, openApiRoute, type RoutePolicy, scopesOf } from '@prosemill/contract';
import { coalesced } from '@prosemill/core';
import type { Access } from '../auth/access.ts';
import type { RouteTable } from '../route-table.ts';

const scriptUrl = new URL('browser/standalone.js', import.meta.resolve('@scalar/api-reference'));

/** Its links are relative, so that it works under every base path. */
const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Prosemill API</title>
    <link rel="icon" href="data:,">
  </head>
  <body>
    <script id="api-reference" type="application/json" data-url="openapi.json"
      data-configuration='{"withDefaultFonts":false,"telemetry":false,"agent":{"disabled":true},"mcp":{"disabled":true},"hideClientButton":true,"showDeveloperTools":"never"}'></script>
    <script src="${docsScriptRoute.path.slice(1)}"></script>
  </body>
</html>
`;

/** The CSP: no inline scripts. Scalar writes styles and icons into the page, and "try it" asks this service. */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'unsafe-inline'",
  "img-src 'self' data:",
  'font-src data:',
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export interface DocsOptions {
  readonly version: string;
  readonly access: Access;
}

export function addDocsRoutes(table: RouteTable, options: DocsOptions): void {
  // Document and script are made once. All clients get the same bytes, so repeated requests cost little.
  const readDocument = coalesced(Number.POSITIVE_INFINITY, async () => openApiDocument(table, options));
  const encodeDocument = memoizeLast(async (basePath) => {
    const servers = basePath === '' ? {} : { servers: [{ url: basePath }] };
    return new TextEncoder().encode(JSON.stringify({ ...(await readDocument()), ...servers }));
  });
  const readScript = coalesced(Number.POSITIVE_INFINITY, async () => await promisify(gzip)(await readFile(scriptUrl)));
  table.add(openApiRoute, async (c) =>
    c.body(await encodeDocument(c.var.basePath), 200, { 'Content-Type': 'application/json' }),
  );
  table.add(docsRoute, (c) => c.html(page, 200, { 'Content-Security-Policy': pagePolicy }));
  table.add(docsScriptRoute, async (c) => {
    c.header('Content-Type', 'text/javascript; charset=utf-8');
    // Every browser accepts gzip.
    c.header('Content-Encoding', 'gzip');
    c.header('Cache-Control', 'public, max-age=86400');
    return c.body(await readScript());
  });
}

/** Remembers only the last value: most installations have one base path, few have several proxies with one each. */
function memoizeLast<Value>(make: (key: string) => Value): (key: string) => Value {
  let last: { readonly key: string; readonly value: Value } | null = null;
  return (key) => {
    if (last?.key !== key) last = { key, value: make(key) };
    return last.value;
  };
}

/** The OpenAPI document. It mentions API keys only where they are on: else generated clients would ask for one. */
function openApiDocument(table: RouteTable, { version, access }: DocsOptions) {
  const document = table.describe({
    openapi: '3.1.0',
    info: {
      title: 'Prosemill',
      version,
      description:
        'Turns prompts into text, as jobs. Errors are `application/problem+json` (RFC 9457); on `/v1` they have OpenAI’s format.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    tags: [
      { name: 'Text', description: 'One request, one text.' },
      { name: 'Jobs', description: 'Submit now, read later.' },
      { name: 'History', description: 'Finished texts.' },
      { name: 'OpenAI', description: 'For programs that speak OpenAI’s API.' },
      { name: 'Service', description: 'The service and its callers.' },
      { name: 'Health', description: 'The state of the service.' },
      { name: 'Operations', description: 'For administrators.' },
    ],
  });
  if (access.auth === 'off') return document;
  for (const { method, path, policy } of table.routes()) {
    const operations = document.paths?.[path] as Record<string, { security?: object[] }> | undefined;
    const operation = operations?.[method];
    if (operation !== undefined) operation.security = securityOf(policy);
  }
  const { securitySchemes, ...others } = document.components ?? {};
  return { ...document, components: { ...others, securitySchemes: { ...securitySchemes, [schemeName]: scheme } } };
}

const schemeName = 'apiKey';
/** One of the requirements is enough. */
function securityOf(policy: RoutePolicy): object[] {
  if (policy.scope === 'any') return [{ [schemeName]: [] }];
  return scopesOf(policy).map((scope) => ({ [schemeName]: [scope] }));
}
const scheme = {
  type: 'http',
  scheme: 'bearer',
  bearerFormat: 'pm_…',
  description: 'An API key. Each route names the scope that the key must have: generate, read or admin.',
};
