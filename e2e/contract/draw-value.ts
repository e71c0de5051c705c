/** Values for fast-check: what a schema allows, and what breaks programs. */
import * as fc from 'fast-check';
import type { OpenApiDocument, Schema } from '../openapi.ts';

/** Text that somebody's parser, database or regular expression has stumbled over. */
export const oddText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '0',
    '-1',
    '+5',
    '1.0',
    '1e3',
    '0x10',
    '1e999',
    'NaN',
    'null',
    'true',
    '[]',
    '{}',
    '__proto__',
  ),
  fc.constantFrom(
    '\u0000',
    'a\u0000b',
    '\ud800',
    'a\udfff',
    '\u{1f98a}',
    'é',
    '\ufeff',
    '\u202e',
    '\r\n',
    '%00',
    '../../etc/passwd',
  ),
  fc.constantFrom(String(2 ** 31), String(2 ** 53), String(2 ** 63), '9'.repeat(400), 'a'.repeat(501)),
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme', maxLength: 600 }),
);

const oddValue: fc.Arbitrary<unknown> = fc.oneof(
  oddText,
  fc.constantFrom(null, true, -1, 0, 0.5, -0, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 63), 1e308, [], {}, [null], [['a']]),
  fc.jsonValue({ maxDepth: 2 }),
);

/** An object of this schema that fits it, or has one value, name or lack of one that is odd; or something else. */
export function drawBody(document: OpenApiDocument, schema: Schema): fc.Arbitrary<unknown> {
  const fitting = drawFitting(document, schema) as fc.Arbitrary<object>;
  const name = fc.constantFrom(...Object.keys(resolve(document, schema).properties ?? {}));
  return fc.oneof(
    { weight: 3, arbitrary: fitting },
    { weight: 3, arbitrary: fc.tuple(fitting, name, oddValue).map(withField) },
    { weight: 1, arbitrary: fc.tuple(fitting, oddText, oddValue).map(withField) },
    { weight: 1, arbitrary: fc.tuple(fitting, name, fc.constant(undefined)).map(withField) },
    { weight: 1, arbitrary: oddValue },
  );
}

/** Also a field named `__proto__`; JSON leaves out one that is undefined. */
const withField = ([body, name, value]: [object, string, unknown]): unknown =>
  Object.fromEntries([...Object.entries(body), [name, value]]);

/** Values that fit a schema. */
export function drawFitting(document: OpenApiDocument, given: Schema): fc.Arbitrary<unknown> {
  const schema = resolve(document, given);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((each) => drawFitting(document, each)));
  if (Array.isArray(schema.type)) {
    return fc.oneof(...(schema.type as string[]).map((type) => drawFitting(document, { ...schema, type })));
  }
  if (schema.type === 'null') return fc.constant(null);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.type === 'integer') return fc.integer(rangeOf(schema));
  if (schema.type === 'number') {
    return fc.double({ ...rangeOf(schema), minExcluded: schema.exclusiveMinimum !== undefined, noNaN: true });
  }
  if (schema.type === 'array') {
    return fc.array(drawFitting(document, schema.items ?? {}), { maxLength: schema.maxItems ?? 3 });
  }
  if (schema.type === 'object') return drawObject(document, schema);
  if (schema.type === 'string') return drawString(schema);
  throw new TypeError(`No values are drawn for ${JSON.stringify(schema)}.`);
}

function drawObject(document: OpenApiDocument, { properties = {}, required = [] }: Schema): fc.Arbitrary<unknown> {
  const fields = Object.entries(properties).map(([name, schema]) => [name, drawFitting(document, schema)]);
  return fc.record(Object.fromEntries(fields) as Record<string, fc.Arbitrary<unknown>>, {
    requiredKeys: [...required],
  });
}

function drawString({ format, pattern, minLength = 0, maxLength = 30 }: Schema): fc.Arbitrary<string> {
  if (format === 'uuid') return fc.uuid();
  if (format === 'date-time') return fc.date({ ...times, noInvalidDate: true }).map((time) => time.toISOString());
  if (pattern !== undefined && pattern !== withoutNul) return fc.stringMatching(new RegExp(pattern));
  return fc
    .string({ unit: 'binary', minLength, maxLength })
    .map((text) => (pattern === withoutNul ? text.replaceAll('\u0000', ' ') : text));
}

/** The pattern of text, which does not say how long it is. */
const withoutNul = String.raw`^[^\u0000]*$`;
/** The years that RFC 3339 knows. */
const times = { min: new Date('0000-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59.999Z') };

const rangeOf = ({ minimum, exclusiveMinimum, maximum = Number.MAX_SAFE_INTEGER }: Schema) => ({
  min: minimum ?? exclusiveMinimum ?? 0,
  max: maximum,
});

function resolve({ components }: OpenApiDocument, schema: Schema): Schema {
  const name = schema.$ref?.split('/').at(-1);
  return name === undefined ? schema : (components.schemas[name] ?? {});
}
