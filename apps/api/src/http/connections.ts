/** Tracks the open connections of a server, bounds and cuts them, and closes them all at a stop. */
import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { settleWithin } from '@prosemill/core';

export interface ConnectionLimits {
  /**
   * At this number of open connections, a new one evicts the oldest that has not sent a whole request, or else the
   * oldest whose client does not read its answer.
   */
  readonly maxConnections: number;
  /** How long a client may leave an answer, or the next part of a long one, unread. */
  readonly answerTimeoutMs: number;
  /** Bytes of all unread answers together; beyond, the slowest readers are cut. */
  readonly maxUnsentBytes: number;
}

export interface Connections {
  /**
   * Answers a request, or cuts the connection if its previous answer is not sent yet: no browser, library or proxy
   * pipelines requests, and each queued answer takes memory.
   * @see RFC 9112, section 9.3.2
   */
  admit(response: ServerResponse, answer: () => void): void;
  /** Sends an answer that belongs to no request, and closes. In the middle of another answer it only closes. */
  refuse(socket: Socket, answer: () => void): void;
  /** The response under way on a connection; null if there is none. */
  responseOn(socket: Socket): ServerResponse | null;
  /** Resolves when no connection and no request has arrived for `quietMs`; after about `limitMs` at the latest. */
  untilQuiet(limitMs: number): Promise<void>;
  /**
   * Closes each connection once it is idle: no request is arriving or being answered, and everything is sent. Resolves
   * when the clients of connections that were idle for `unusedMs` know that they are closed.
   */
  closeUnused(): Promise<void>;
  /** Ends the search for slow readers. */
  stop(): void;
}

interface Connection {
  /** The response under way. */
  response: ServerResponse | null;
  /** Bytes read up to the end of the last answered request. */
  bytesDone: number;
  /** When it was opened, or its last answer ended. */
  unusedSince: number;
  /** Unsent bytes at the last sweep, and the time since which the number is the same. */
  unsentBytes: number;
  unsentSince: number;
}

/** After this long without a new connection or request, clients have stopped coming. */
const quietMs = 200;
/**
 * A connection that was opened or used more recently may have its next request on the way, and is closed with the
 * answer to that request: clients retry after a second, the `Retry-After` of a refusal.
 */
const unusedMs = 2_000;
/** Turns of the event loop; each takes one connection from the kernel's queue. */
const maxTurns = 1_000;
/** How long clients may take to close their side of a closed connection. */
const goodbyeMs = 100;
const sweepMs = 1_000;

/** @param onCut  Called with the number of connections that were cut because their answers were not read. */
export function trackConnections(
  server: Server,
  limits: ConnectionLimits,
  onCut: (connections: number) => void,
): Connections {
  const connections = new Map<Socket, Connection>();
  let isClosing = false;
  let arrivals = 0;
  let lastArrivalAt = 0;
  function noteArrival(): void {
    arrivals += 1;
    lastArrivalAt = performance.now();
  }
  server.on('connection', (socket: Socket) => {
    noteArrival();
    if (connections.size >= limits.maxConnections && !makeRoom(connections)) {
      socket.destroy();
      return;
    }
    connections.set(socket, {
      response: null,
      bytesDone: 0,
      unusedSince: lastArrivalAt,
      unsentBytes: 0,
      unsentSince: lastArrivalAt,
    });
    socket.once('close', () => connections.delete(socket));
  });
  const sweeping = setInterval(() => {
    const cut = cutSlowReaders(connections, limits);
    if (cut > 0) onCut(cut);
  }, sweepMs).unref();

  return {
    admit(response, answer) {
      noteArrival();
      const { socket } = response.req;
      const connection = connections.get(socket);
      if (connection === undefined || !socket.writable) return;
      if (connection.response !== null) {
        socket.destroy();
        return;
      }
      connection.response = response;
      response.once('close', () => {
        connection.response = null;
        connection.bytesDone = socket.bytesRead;
        connection.unusedSince = performance.now();
        if (isClosing) socket.destroySoon();
      });
      answer();
    },
    refuse(socket, answer) {
      const response = connections.get(socket)?.response;
      if (response?.headersSent !== true) answer();
      else if (response.writableEnded) socket.destroySoon();
      else socket.destroy();
    },
    responseOn: (socket) => connections.get(socket)?.response ?? null,
    async untilQuiet(limitMs) {
      noteArrival();
      const limit = lastArrivalAt + limitMs;
      for (let seen = -1, turns = 0; seen !== arrivals && turns < maxTurns;) {
        const waitMs = Math.min(lastArrivalAt + quietMs, limit) - performance.now();
        if (waitMs > 0) await delay(waitMs);
        else [seen, turns] = [arrivals, turns + 1];
        // A turn takes one connection from the kernel's queue. The port closes only after a turn that found none.
        await nextTurn();
      }
    },
    async closeUnused() {
      isClosing = true;
      await Promise.all([...connections].map(async ([socket, connection]) => await closeIfUnused(socket, connection)));
    },
    stop: () => clearInterval(sweeping),
  };
}

/**
 * Cuts the oldest connection without a whole request, or else the oldest whose answer is unread.
 * @returns false when there is neither
 */
function makeRoom(connections: Map<Socket, Connection>): boolean {
  let victim: Socket | null = null;
  for (const [socket, { response }] of connections) {
    if (response?.req.complete !== true) {
      victim = socket;
      break;
    }
    if (victim === null && socket.writableLength > 0) victim = socket;
  }
  if (victim === null) return false;
  victim.destroy();
  connections.delete(victim);
  return true;
}

/** @returns the number of connections that were cut */
function cutSlowReaders(connections: ReadonlyMap<Socket, Connection>, limits: ConnectionLimits): number {
  const now = performance.now();
  const unsent: (readonly [Socket, Connection])[] = [];
  for (const [socket, connection] of connections) {
    if (socket.writableLength !== connection.unsentBytes) {
      connection.unsentBytes = socket.writableLength;
      connection.unsentSince = now;
    }
    if (connection.unsentBytes > 0) unsent.push([socket, connection]);
  }
  unsent.sort(([, one], [, other]) => one.unsentSince - other.unsentSince);
  let unsentBytes = unsent.reduce((sum, [, connection]) => sum + connection.unsentBytes, 0);
  let cut = 0;
  for (const [socket, connection] of unsent) {
    if (unsentBytes <= limits.maxUnsentBytes && now - connection.unsentSince < limits.answerTimeoutMs) break;
    unsentBytes -= connection.unsentBytes;
    cut += 1;
    socket.destroy();
  }
  return cut;
}

async function closeIfUnused(socket: Socket, connection: Connection): Promise<void> {
  if (connection.response !== null || socket.bytesRead !== connection.bytesDone) return;
  const youngMs = connection.unusedSince + unusedMs - performance.now();
  if (youngMs > 0) {
    setTimeout(() => void closeIfUnused(socket, connection), Math.ceil(youngMs));
    return;
  }
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.end();
  await settleWithin(goodbyeMs, closed);
  socket.destroySoon();
}
