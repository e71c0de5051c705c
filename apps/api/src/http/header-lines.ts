import type { IncomingMessage } from 'node:http';

/**
 * The values of all lines of a header, in their order. Not `headersDistinct`: it throws where a client sends a header
 * named `__proto__`.
 * @param name  In lower case.
 */
export function headerLines({ rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>, name: string): readonly string[] {
  return rawHeaders.filter((_value, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name);
}
