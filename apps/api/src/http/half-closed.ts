/** Answers clients that close their side after a whole request. Clients that are gone look the same at first. */
import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Connections } from './connections.ts';
import { isEventStream } from './event-streams.ts';

const comment = ':\n\n';
/** The pause between the first two probes. It doubles with each probe, so that one exceeds the round-trip time. */
const firstPauseMs = 25;

/**
 * TCP reports a closed side both for a client that waits and for one that is gone. An interim response, or a comment in
 * a stream of events, tells them apart: a client that waits skips it; the system of a gone client answers with a reset,
 * which fails the next write. HTTP/1.0 has no interim responses, so its waiting clients are not probed: a gone one
 * is noticed when the answer is sent.
 * @see RFC 9110, section 15.2
 */
export function answerHalfClosed(server: Server, { responseOn }: Pick<Connections, 'responseOn'>): void {
  // Without it Node aborts the requests of half-closed connections. There is no public option.
  Object.assign(server, { httpAllowHalfOpen: true });
  server.on('connection', (socket: Socket) => {
    socket.once('end', () => probe(socket, firstPauseMs));
  });

  function probe(socket: Socket, pauseMs: number): void {
    if (!socket.writable) return;
    const response = responseOn(socket);
    if (response !== null && !response.writableEnded) writeProbe(response);
    setTimeout(() => probe(socket, pauseMs * 2), pauseMs).unref();
  }
}

function writeProbe(response: ServerResponse): void {
  if (response.headersSent && isEventStream(response)) response.write(comment);
  else if (!response.headersSent && response.req.httpVersion !== '1.0') response.writeContinue();
}
