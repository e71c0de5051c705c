/** The values that a schema of the contract refuses, with messages for their sender. */
import type { z } from '@hono/zod-openapi';

export interface WrongValue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly code: string;
}

/**
 * Every wrong value. A wrong type hides the value's other issues: zod measures the lengths of other types too. Of two
 * limits in one direction the last one stays: zod's integers have their own, ±2^53, before those of the schema.
 */
export function wrongValuesOf({ issues }: z.ZodError): readonly WrongValue[] {
  const told = issues.flatMap(narrowed);
  const wrongTypes = new Set(told.filter(({ code }) => code === 'invalid_type').map(({ path }) => pointerTo(path)));
  const values = told.flatMap((issue): WrongValue[] => {
    const { path, message, code } = issue;
    if (code !== 'invalid_type' && wrongTypes.has(pointerTo(path))) return [];
    if (code !== 'unrecognized_keys') return [{ path, message, code }];
    return issue.keys.map((key) => ({ path: [...path, key], message: 'is not a known name', code }));
  });
  return [...new Map(values.map((value) => [`${pointerTo(value.path)} ${limitIn(value)}`, value])).values()];
}

/** The direction of a limit; any other rule tells its message apart. */
const limitIn = ({ code, message }: WrongValue): string =>
  code === 'too_big' || code === 'too_small' ? code : message;

/** For a key of a record: its own issues. For a union: those of the member that has the type of the value, if any. */
function narrowed(issue: z.ZodError['issues'][number]): z.ZodError['issues'] {
  if (issue.code === 'invalid_key') return issue.issues.map((inner) => ({ ...inner, path: issue.path }));
  if (issue.code !== 'invalid_union') return [issue];
  const ofType = issue.errors.find((issues) =>
    issues.every(({ code, path }) => code !== 'invalid_type' || path.length > 0),
  );
  return ofType?.flatMap((inner) => narrowed({ ...inner, path: [...issue.path, ...inner.path] })) ?? [issue];
}

/** @see RFC 6901, §3 */
export const pointerTo = (path: readonly PropertyKey[]): string =>
  path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
