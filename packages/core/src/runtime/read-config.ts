/** Configuration: parsed once from the environment, with a list of everything that is wrong with it. */

/** The part of a schema that is needed here. @see https://standardschema.dev, which zod implements */
interface Schema<Value> {
  readonly '~standard': {
    readonly validate: (value: unknown) => SchemaResult<Value> | Promise<SchemaResult<Value>>;
  };
}

/** A schema of an object, as zod has it: its variables are the keys of `shape`. */
interface ConfigSchema<Config> extends Schema<Config> {
  readonly shape: Readonly<Record<string, unknown>>;
}

type SchemaResult<Value> =
  | { readonly value: Value; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The environment is not usable; the message lists every problem, a line each. It never has a value that may be a secret. */
export class ConfigError extends Error {
  constructor(problems: readonly string[]) {
    super(`The configuration is not usable:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.name = 'ConfigError';
  }
}

/**
 * Parses and freezes the configuration. A variable that is set to nothing counts as not set. One that holds only blanks, or that has quotes
 * around it (as `docker --env-file` and dashboards leave them), is a mistake, whatever its schema makes of it.
 * @throws {ConfigError} with all problems
 */
export function readConfig<Config extends object>(
  schema: ConfigSchema<Config>,
  environment: Readonly<Record<string, string | undefined>>,
): Readonly<Config> {
  const set = Object.keys(schema.shape).flatMap((name) => {
    const value = environment[name];
    return value === undefined || value === '' ? [] : [[name, value] as const];
  });
  const spoiled = set.flatMap(([name, value]) => {
    const problem = spellingProblem(value);
    return problem === null ? [] : [[name, problem] as const];
  });
  const spoiledNames = new Set(spoiled.map(([name]) => name));
  const result = validate(schema, Object.fromEntries(set.filter(([name]) => !spoiledNames.has(name))));
  const problems = spoiled.map(([name, problem]) => `${name}: ${problem}`);
  if (result.issues !== undefined) throw new ConfigError([...problems, ...result.issues.map(problemOf)]);
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(result.value);
}

/** As the schema says it, at once. */
function validate<Value>(schema: Schema<Value>, value: unknown): SchemaResult<Value> {
  const result = schema['~standard'].validate(value);
  if (result instanceof Promise) throw new TypeError('A schema must be synchronous.');
  return result;
}

/** `max_length`, or with a place in a list `stop.0`. */
const issueName = ({ path = [] }: SchemaIssue): string =>
  path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.');

function problemOf(issue: SchemaIssue): string {
  const name = issueName(issue);
  return name === '' ? issue.message : `${name}: ${issue.message}`;
}

/** Names blanks and quotes that no variable may have; \s includes the line feed that a shell or a file of secrets may leave. */
function spellingProblem(value: string): string | null {
  if (!/[^\s\u200B\u2060\uFEFF]/u.test(value))
    return 'holds only blanks; leave it empty, or take it away, for the default';
  if (/^(["'`“”‘’„«]).*(["'`“”‘’»])$/su.test(value.trim())) {
    return 'has quotes around it, which are part of the value here; take them away';
  }
  return null;
}
