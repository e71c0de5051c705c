/** Answers to input that never reaches the app and its middleware: not HTTP, too slow, too large. */
import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { presentProblem } from '@prosemill/contract';
import { AppError, type ErrorCode, newId } from '@prosemill/core';
import { dataHeaders } from '../middleware/security-headers.ts';

/** The headers of the middleware that matter to a client without a request. */
const bareHeaders = { ...dataHeaders, 'X-Content-Type-Options': 'nosniff' };

/** The answer to each error of Node's parser. @see https://nodejs.org/api/http.html#event-clienterror */
const parserErrors: ReadonlyMap<string | undefined, readonly [ErrorCode, string]> = new Map([
  ['ERR_HTTP_REQUEST_TIMEOUT', ['request_timeout', 'The request did not arrive in time.']],
  ['HPE_HEADER_OVERFLOW', ['headers_too_large', 'The headers are too large.']],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', ['body_too_large', 'The chunk extensions are too large.']],
  ['HPE_INVALID_EOF_STATE', ['malformed_request', 'The request ended before it was whole.']],
]);

/** For 'clientError': writes the answer as bytes and closes. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [code, message] = parserErrors.get(error.code) ?? ['malformed_request', 'That is not HTTP/1.1.'];
  endWithProblem(new AppError(code, { message }), socket);
}

/** For 'connect', the request for a tunnel to another server. */
export function answerConnect(socket: Duplex): void {
  const message = 'This is no proxy: CONNECT is not allowed here.';
  endWithProblem(new AppError('method_not_allowed', { message }), socket, { Allow: 'GET, HEAD, POST, DELETE' });
}

/** For a request that the app must not see. */
export function answerRefused(error: AppError, response: ServerResponse): void {
  const { status, headers, body } = bareAnswer(error);
  response.writeHead(status, headers).end(body);
  // An unread body would delay the end of the connection.
  response.req.resume();
}

/** For 'checkExpectation'. @see RFC 9110, section 10.1.1 */
export const unmetExpectation = (): AppError =>
  new AppError('expectation_failed', { message: 'The only expectation that can be met is 100-continue.' });

function endWithProblem(error: AppError, socket: Duplex, extra: Readonly<Record<string, string>> = {}): void {
  const { status, headers, body } = bareAnswer(error);
  const lines = Object.entries({ ...headers, ...extra }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`, () => socket.destroy());
}

/** An answer that closes the connection. */
function bareAnswer(error: AppError) {
  const { status, headers, body } = presentProblem(error, { instance: '', requestId: newId() });
  const end = { Connection: 'close', 'Content-Length': String(Buffer.byteLength(body)) };
  return { status, headers: { ...headers, ...bareHeaders, ...end }, body };
}

/** For a request whose `Host` and target do not form a URL. */
export function answerBadRequest(): Response {
  const error = new AppError('malformed_request', { message: 'The host or the target of the request is not valid.' });
  const { status, headers, body } = bareAnswer(error);
  return new Response(body, { status, headers });
}
