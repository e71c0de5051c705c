/**
 * Protects from request smuggling: refuses heads that Node's parser accepts and RFC 9110 and 9112 do not, which a proxy
 * may read differently.
 */
import type { IncomingMessage } from 'node:http';
import { AppError } from '@prosemill/core';
import { headerLines } from './header-lines.ts';

/** A DNS name, an IPv4 address or an IPv6 address in brackets, with or without a port. Never a list. */
const hostPattern = /^(?:\[[\da-f:.]+\]|[\w.-]+)(?::\d{1,5})?$/i;
const absoluteForm = /^https?:\/\//i;

/** @returns the reason to refuse the request; null: there is none */
export function checkHead(request: IncomingMessage): AppError | null {
  const reason = versionProblem(request) ?? targetProblem(request) ?? hostProblem(request) ?? codingProblem(request);
  return reason === null ? null : new AppError('malformed_request', { message: reason });
}

function versionProblem({ httpVersion, httpVersionMajor }: IncomingMessage): string | null {
  return httpVersionMajor === 1 ? null : `This is HTTP/1.1, not HTTP/${httpVersion}.`;
}

/** In absolute form the target's authority wins over Host; `URL` reads it. @see RFC 9112, section 3.2.2 */
function targetProblem(request: IncomingMessage): string | null {
  const { url: target = '' } = request;
  if (!absoluteForm.test(target)) return null;
  if (!URL.canParse(target)) return 'The target of the request is not a URL.';
  const { username, password } = new URL(target);
  if (username !== '' || password !== '') return 'The target of the request must have no user and no password.';
  // @hono/node-server knows the scheme in lower case only.
  request.url = target.replace(/^https?/i, (scheme) => scheme.toLowerCase());
  return null;
}

/** @see RFC 9112, section 3.2 */
function hostProblem(request: IncomingMessage): string | null {
  const { url = '', httpVersion } = request;
  const [host, ...others] = headerLines(request, 'host');
  if (others.length > 0) return 'There must be one Host line, not several.';
  if (host === undefined) return httpVersion === '1.0' ? null : 'There must be a Host line.';
  if (host === '' && absoluteForm.test(url)) return null;
  return hostPattern.test(host) ? null : 'Host must be the name or address of this service, with or without a port.';
}

/** @see RFC 9112, section 6.1 */
function codingProblem(request: IncomingMessage): string | null {
  const codings = headerLines(request, 'transfer-encoding');
  if (codings.length === 0) return null;
  if (request.httpVersion === '1.0') return 'There is no Transfer-Encoding in HTTP/1.0.';
  return codings.join().trim().toLowerCase() === 'chunked' ? null : 'The only transfer coding here is chunked.';
}
