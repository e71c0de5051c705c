/** Clients that close their side after a whole request still get its answer; clients that are gone look the same at first. */
import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Between the first two probes; each pause is twice the one before, so that one is longer than the way there and back. */
const firstPauseMs = 25;

export interface HalfClosedOptions {
  /** The response that is made for a connection now, if there is one. */
  readonly responseOn: (socket: Socket) => ServerResponse | null;
}

/**
 * A closed side is all that TCP says both of a client that waits and of one that is gone. An interim response tells them apart: a client that waits
 * skips it, and the system of one that is gone answers with a reset, which the next write hears of. An HTTP/1.0 client knows no interim
 * responses: it is not asked, and a gone one is noticed with its answer.
 * @see RFC 9110, section 15.2
 */
export function answerHalfClosed(server: Server, { responseOn }: HalfClosedOptions): void {
  // Node has no option for it, and aborts such requests otherwise.
  Object.assign(server, { httpAllowHalfOpen: true });
  server.on('connection', (socket: Socket) => {
    socket.once('end', () => probe(socket, firstPauseMs));
  });

  function probe(socket: Socket, pauseMs: number): void {
    if (!socket.writable) return;
    const response = responseOn(socket);
    if (response !== null && !response.headersSent && response.req.httpVersion !== '1.0') response.writeContinue();
    setTimeout(() => probe(socket, pauseMs * 2), pauseMs).unref();
  }
}
