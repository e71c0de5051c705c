/** Configuration: parsed once from the environment, with a list of all problems. */

/** A zod object: a Standard Schema, and the variables as the keys of `shape`. @see https://standardschema.dev */
interface ConfigSchema<Config> {
  readonly shape: Readonly<Record<string, unknown>>;
  readonly '~standard': { readonly validate: (value: unknown) => SchemaResult<Config> | Promise<SchemaResult<Config>> };
}

type SchemaResult<Value> =
  | { readonly value: Value; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The environment is not usable. The message lists every problem, and never a value that may be a secret. */
export class ConfigError extends Error {
  constructor(problems: readonly string[]) {
    super(`The configuration is not usable:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.name = 'ConfigError';
  }
}

/**
 * Parses and freezes the configuration. An empty variable counts as not set. A value of blanks alone, or with quotes
 * around it (`docker --env-file` and dashboards keep them), is a mistake even where its schema would take it.
 * @throws {ConfigError} with all problems
 */
export function readConfig<Config extends object>(
  schema: ConfigSchema<Config>,
  environment: Readonly<Record<string, string | undefined>>,
): Readonly<Config> {
  const values: Record<string, string> = {};
  const problems: string[] = [];
  for (const name of Object.keys(schema.shape)) {
    const value = environment[name] ?? '';
    const problem = spellingProblem(value);
    if (problem !== null) problems.push(`${name}: ${problem}`);
    else if (value !== '') values[name] = value;
  }
  const result = schema['~standard'].validate(values);
  if (result instanceof Promise) throw new TypeError('A schema must be synchronous.');
  if (result.issues !== undefined) throw new ConfigError([...problems, ...result.issues.map(problemOf)]);
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(result.value);
}

function problemOf({ path = [], message }: SchemaIssue): string {
  const name = path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
  return name === '' ? message : `${name}: ${message}`;
}

/** Finds blanks and quotes; `\s` includes the line feed that a shell or a file of secrets leaves. */
function spellingProblem(value: string): string | null {
  if (/^[\s\u200B\u2060\uFEFF]+$/u.test(value)) return 'holds only blanks; leave it empty or remove it for the default';
  if (/^(["'`“”‘’„«]).*(["'`“”‘’»])$/su.test(value.trim())) {
    return 'has quotes around it, which are part of the value here; remove them';
  }
  return null;
}
