/** Types and helpers for /openapi.json. */
import type { SchemaValidateFunction } from 'ajv';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

/** The part of a JSON Schema that tests read. */
export interface Schema {
  readonly type?: string | readonly string[];
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly schema: Schema;
}

export interface DeclaredAnswer {
  readonly headers?: Readonly<Record<string, { readonly required?: boolean; readonly schema: Schema }>>;
  readonly content?: Readonly<Record<string, unknown>>;
}

export interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: object;
  readonly responses: Readonly<Record<string, DeclaredAnswer>>;
}

export interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** A route of the document. */
export interface Route {
  readonly template: string;
  /** In capitals. */
  readonly method: string;
  readonly operation: Operation;
}

export const routesOf = ({ paths }: OpenApiDocument): readonly Route[] =>
  Object.entries(paths).flatMap(([template, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({ template, method: method.toUpperCase(), operation })),
  );

/** Compiles the schema at a place in the document. Results are cached. */
export type SchemaAt = (...place: readonly string[]) => ValidateFunction;

export function createSchemaAt(document: OpenApiDocument): SchemaAt {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.removeKeyword('contentSchema').addKeyword({
    keyword: 'contentSchema',
    type: 'string',
    compile: ({ $ref }: { readonly $ref: string }) => checkJson(ajv.compile({ $ref: `openapi${$ref}` })),
  });
  ajv.addSchema(document, 'openapi');
  const compiled = new Map<string, ValidateFunction>();
  return function schemaAt(...place) {
    const pointer = place.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/');
    const validate = compiled.get(pointer) ?? ajv.compile({ $ref: `openapi#/${pointer}` });
    compiled.set(pointer, validate);
    return validate;
  };
}

/** Checks a string of JSON, such as the data of an event: JSON Schema leaves its content to programs. */
function checkJson(validate: ValidateFunction): SchemaValidateFunction {
  const check: SchemaValidateFunction = (text: string) => {
    check.errors = [];
    try {
      const isValid = validate(JSON.parse(text));
      check.errors = validate.errors ?? [];
      return isValid;
    } catch {
      return false;
    }
  };
  return check;
}

/** The value of a header or query parameter in the type of its schema. */
export const coerced = (text: string, { type }: Schema): string | number =>
  type === 'integer' && /^\d{1,15}$/.test(text) ? Number(text) : text;
