/** Requests for fast-check: of one route, right in all, or wrong in something. */
import * as fc from 'fast-check';
import type { RequestOptions } from '../http-client.ts';
import type { OpenApiDocument, Parameter, Route } from '../openapi.ts';
import { drawBody, drawFitting, oddText } from './draw-value.ts';

type Field = [name: string, value: string];

/** As it will be sent. */
export interface DrawnRequest {
  readonly path: string;
  readonly query: Field[];
  readonly headers: Field[];
  readonly contentType: string | null;
  readonly body: string | null;
}

const jsonType = 'application/json';
const contentTypes = [
  'application/json; charset=utf-8',
  'text/plain',
  'application/xml',
  'application/json; charset=utf-16',
];
const brokenJson = ['', '{', '{"prompt":', 'nul', '{"prompt":"a"}}', "{'prompt':'a'}", '[1e999]', '['.repeat(20_000)];
/** Parts of a path that URLs cannot have, or that servers decode badly. */
const oddParts = ['%', '%00', '%2F', '%E0%A4%A', '%ED%A0%80', '%25', '..%2f..', 'a'.repeat(10_000)];

export function drawRequest(document: OpenApiDocument, route: Route): fc.Arbitrary<DrawnRequest> {
  const { parameters = [], requestBody } = route.operation;
  const schema = requestBody?.content[jsonType].schema;
  const valueOf = ({ schema: type }: Parameter) => drawFitting(document, type).map(String);
  return fc.record({
    path: drawPath(route.template, valueOf, parameters),
    query: drawQuery(
      parameters.filter((each) => each.in === 'query'),
      valueOf,
    ),
    headers: drawHeaders(
      parameters.filter((each) => each.in === 'header'),
      valueOf,
    ),
    contentType:
      schema === undefined ? fc.constant(null) : mostly(fc.constant(jsonType), fc.constantFrom(...contentTypes)),
    body:
      schema === undefined
        ? fc.constant(null)
        : mostly(
            drawBody(document, schema).map((value) => JSON.stringify(value)),
            fc.constantFrom(...brokenJson),
          ),
  });
}

/** What `fetch` makes of it. */
export const toOptions = ({ headers, contentType, body }: DrawnRequest, method: string): RequestOptions => ({
  method,
  headers: { ...Object.fromEntries(headers), ...(contentType === null ? {} : { 'Content-Type': contentType }) },
  ...(body === null ? {} : { body }),
});

export const toPath = ({ path, query }: DrawnRequest): string =>
  query.length === 0 ? path : `${path}?${new URLSearchParams(query).toString()}`;

type ValueOf = (parameter: Parameter) => fc.Arbitrary<string>;

const mostly = <Value>(usual: fc.Arbitrary<Value>, odd: fc.Arbitrary<Value>): fc.Arbitrary<Value> =>
  fc.oneof({ weight: 6, arbitrary: usual }, { weight: 1, arbitrary: odd });

function drawPath(template: string, valueOf: ValueOf, parameters: readonly Parameter[]): fc.Arbitrary<string> {
  const parts = parameters.filter((each) => each.in === 'path');
  const odd = fc.oneof(
    fc.constantFrom(...oddParts),
    oddText.filter((text) => text !== '' && text.isWellFormed()).map(encodeURIComponent),
  );
  const values = parts.map((part) => mostly(valueOf(part), odd));
  return fc
    .tuple(...values)
    .map((drawn) =>
      parts.reduce((path, { name }, index) => path.replace(`{${name}}`, () => drawn[index] ?? ''), template),
    );
}

/** An unknown parameter, or one twice, seldom. */
function drawQuery(parameters: readonly Parameter[], valueOf: ValueOf): fc.Arbitrary<Field[]> {
  const any = fc.oneof(...parameters.map((each) => drawField(each, valueOf)), fc.tuple(oddText, oddText));
  return mostly(drawSome(parameters, valueOf), fc.array(any, { minLength: 1, maxLength: 3 }));
}

const drawHeaders = (parameters: readonly Parameter[], valueOf: ValueOf): fc.Arbitrary<Field[]> =>
  drawSome(parameters, valueOf).map((fields) => fields.map(([name, value]): Field => [name, toHeaderValue(value)]));

/** Each parameter now and then. */
const drawSome = (parameters: readonly Parameter[], valueOf: ValueOf): fc.Arbitrary<Field[]> =>
  fc
    .tuple(...parameters.map((each) => fc.option(drawField(each, valueOf), { freq: 2 })))
    .map((fields) => fields.filter((field) => field !== null));

const drawField = (parameter: Parameter, valueOf: ValueOf): fc.Arbitrary<Field> =>
  fc.tuple(fc.constant(parameter.name), mostly(valueOf(parameter), oddText));

/** Bytes that may be in a header, without spaces around them, as the server gets it. */
const toHeaderValue = (text: string): string => text.replaceAll(/[^\u0021-\u007e\u00a1-\u00ff ]/g, '').trim();
