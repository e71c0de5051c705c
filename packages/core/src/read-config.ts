/** Configuration: parsed once from the environment, with a list of everything that is wrong with it. */

/** What is needed of a schema. @see https://standardschema.dev, which zod implements */
interface ConfigSchema<Config> {
  readonly '~standard': {
    readonly validate: (value: unknown) => SchemaResult<Config> | Promise<SchemaResult<Config>>;
  };
}

type SchemaResult<Config> =
  | { readonly value: Config; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The environment is not usable; the message lists every problem, a line each, without the values (they may be secrets). */
export class ConfigError extends Error {
  constructor(problems: readonly string[]) {
    super(`The configuration is not usable:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.name = 'ConfigError';
  }
}

/**
 * Parses and freezes the configuration. A variable that is set to nothing counts as not set.
 * @throws {ConfigError} with all problems
 */
export function readConfig<Config extends object>(
  schema: ConfigSchema<Config>,
  environment: Readonly<Record<string, unknown>>,
): Readonly<Config> {
  const set = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  );
  const result = schema['~standard'].validate(set);
  if (result instanceof Promise) throw new TypeError('A configuration schema must be synchronous.');
  if (result.issues !== undefined) throw new ConfigError(result.issues.map(problemOf));
  return Object.freeze(result.value);
}

function problemOf({ path = [], message }: SchemaIssue): string {
  const name = path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
  return name === '' ? message : `${name}: ${message}`;
}
