/** Answers to what never becomes a request: no HTTP, too slow, too large. No middleware sees these. */
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { AppError, newId } from '@prosemill/core';
import { dataHeaders } from './middleware/security-headers.ts';
import { problemAnswer } from './on-error.ts';

/** What the middleware would have added, as far as it matters to such a client. */
const bareHeaders = { ...dataHeaders, 'X-Content-Type-Options': 'nosniff' };

/** What the parser of node:http finds. @see https://nodejs.org/api/http.html#event-clienterror */
function errorOf({ code }: NodeJS.ErrnoException): AppError {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new AppError('request_timeout', { message: 'The request did not arrive in time.' });
  }
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new AppError('headers_too_large', { message: 'The headers are too large.' });
  }
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') {
    return new AppError('body_too_large', { message: 'The chunk extensions are too large.' });
  }
  if (code === 'HPE_INVALID_EOF_STATE') {
    return new AppError('malformed_request', { message: 'The request ended before it was whole.' });
  }
  return new AppError('malformed_request', { message: 'That is not HTTP/1.1.' });
}

/** For 'clientError': the answer as bytes, then the end. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const { status, headers, body } = problemAnswer(errorOf(error), { instance: '', requestId: newId() });
  const lines = Object.entries({
    ...headers,
    ...bareHeaders,
    Connection: 'close',
    'Content-Length': Buffer.byteLength(body),
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`, () => socket.destroy());
}

/** For a request that cannot be made one of the web: its `Host` or its target is no part of a URL. */
export function answerBadRequest(): Response {
  const error = new AppError('malformed_request', { message: 'The host or the target of the request is not valid.' });
  const { status, headers, body } = problemAnswer(error, { instance: '', requestId: newId() });
  return new Response(body, { status, headers: { ...headers, ...bareHeaders } });
}
