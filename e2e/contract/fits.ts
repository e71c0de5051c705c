/** Whether a request fits the document: then it must be answered, and else refused. */
import { coerced, createSchemaAt, type OpenApiDocument, type Route } from '../openapi.ts';
import type { DrawnRequest } from './draw-request.ts';

/** Of a path is nothing asked: one that names nothing is not found, whatever it looks like. */
export function createFits(document: OpenApiDocument): (route: Route, request: DrawnRequest) => boolean {
  const schemaAt = createSchemaAt(document);

  return function fits({ template, method, operation }, { query, headers, contentType, body }) {
    const { parameters = [], requestBody } = operation;
    const place = ['paths', template, method.toLowerCase()];
    const isAllowed = (where: 'query' | 'header', name: string, value: string) => {
      const index = parameters.findIndex((each) => each.in === where && each.name === name);
      const schema = parameters[index]?.schema;
      return schema !== undefined && schemaAt(...place, 'parameters', String(index), 'schema')(coerced(value, schema));
    };
    if (new Set(query.map(([name]) => name)).size < query.length) return false;
    if (!query.every(([name, value]) => isAllowed('query', name, value))) return false;
    if (!headers.every(([name, value]) => isAllowed('header', name, value))) return false;
    if (requestBody === undefined) return true;
    if (!/^application\/json(?:; charset=utf-8)?$/.test(contentType ?? '')) return false;
    const value = parsed(body ?? '');
    const validate = schemaAt(...place, 'requestBody', 'content', 'application/json', 'schema');
    return validate(value) && isWellFormed(value);
  };
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** Half of a pair is what no pattern says that every reader of the document understands. */
function isWellFormed(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  return typeof value !== 'object' || value === null || Object.values(value).every(isWellFormed);
}
