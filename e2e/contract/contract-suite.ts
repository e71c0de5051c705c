/** What /openapi.json says is what the service does: requests drawn from it, right and wrong ones, and answers held against it. */
import { type Problem, problemMediaType, problemTable } from '@prosemill/contract';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, createClient, type Request } from '../http-client.ts';
import type { Service } from '../launch.ts';
import { type OpenApiDocument, type Route, routesOf } from '../openapi.ts';
import { drawRequest, toOptions, toPath } from './draw-request.ts';
import { createFits } from './fits.ts';

/** Of each route. */
const runs = 40;
/** Repeats a run: `CONTRACT_SEED=7 pnpm test e2e/contract`. */
const seed = Number(process.env['CONTRACT_SEED'] ?? Date.now() % 1_000_000);

/** What may happen to a request that fits: the words, the tokens, the key, the id. */
const semantic: ReadonlySet<string> = new Set([
  'prompt_refused',
  'context_length_exceeded',
  'idempotency_key_reused',
  'not_found',
]);
const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

export function describeContract(size: string, launch: () => Promise<Service>): void {
  describe(`the contract, ${size}, with seed ${seed}`, () => {
    let service: Service;
    let request: Request;
    let document: OpenApiDocument;
    let routes: readonly Route[];
    beforeAll(async () => {
      service = await launch();
      request = await createClient(service.url);
      document = (await request<OpenApiDocument>('/openapi.json')).body;
      routes = routesOf(document);
    });
    afterAll(async () => {
      await service?.stop();
    });

    it('is what every route does', async () => {
      const fits = createFits(document);
      for (const route of routes) {
        const property = fc.asyncProperty(drawRequest(document, route), async (drawn) => {
          const answer = await request(toPath(drawn), toOptions(drawn, route.method));
          expectAnswer(answer, fits(route, drawn));
          // Or nothing would be written any more.
          if (route.operation.operationId === 'pauseQueue') await request('/admin/queue/resume', { method: 'POST' });
          await follow(route, answer);
        });
        await fc.assert(property, { seed, numRuns: runs });
      }
    });

    it('names every method that a path has', async () => {
      for (const template of Object.keys(document.paths)) {
        const known = routes.filter((each) => each.template === template).map(({ method }) => method);
        for (const method of methods.filter((each) => !known.includes(each))) {
          const answer = await request<Problem>(template.replaceAll(/\{\w+\}/g, '1'), { method });
          expect([method, template, answer.status, answer.body.code]).toEqual([
            method,
            template,
            405,
            'method_not_allowed',
          ]);
          const allowed = known.flatMap((each) => (each === 'GET' ? ['GET', 'HEAD'] : [each]));
          expect(answer.headers.get('Allow')?.split(', ').toSorted()).toEqual(allowed.toSorted());
        }
      }
    });

    /** Every link of an answer leads to one that is there. */
    async function follow({ operation }: Route, { status, body }: Answer): Promise<void> {
      for (const { operationId, parameters } of Object.values(operation.responses[status]?.links ?? {})) {
        const target = routes.find((each) => each.operation.operationId === operationId);
        const path = target?.template.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
          valueAt(body, parameters[name] ?? ''),
        );
        const answer = await request(path ?? '', { method: target?.method ?? '' });
        expect([operationId, path, answer.status < 300]).toEqual([operationId, path, true]);
      }
    }
  });
}

function expectAnswer({ status, headers, body }: Answer, isFitting: boolean): void {
  expect(status).toBeLessThan(500);
  if (status < 400) {
    expect(isFitting).toBe(true);
    return;
  }
  const { code } = body as Problem;
  expect(headers.get('Content-Type')).toBe(problemMediaType);
  expect(problemTable[code].status).toBe(status);
  if (isFitting) expect(semantic).toContain(code);
}

/** @param expression  Such as `$response.body#/id`. */
function valueAt(body: unknown, expression: string): string {
  const names = expression.replace('$response.body#/', '').split('/');
  return String(names.reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], body));
}
