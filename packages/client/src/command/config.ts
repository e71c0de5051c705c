/** The environment of the command line. */

export interface CommandConfig {
  /** PROSEMILL_URL. */
  readonly url: string | undefined;
  /** PROSEMILL_API_KEY. */
  readonly apiKey: string | undefined;
  /** NO_COLOR is set, to anything (https://no-color.org). */
  readonly isColourless: boolean;
}

export function readCommandConfig(): CommandConfig {
  const { PROSEMILL_URL: url, PROSEMILL_API_KEY: apiKey, NO_COLOR: noColour } = process.env;
  return { url: url || undefined, apiKey: apiKey || undefined, isColourless: (noColour ?? '') !== '' };
}
