/** The open connections of a server: how many there may be, which are in nobody's interest, and how all of them end. */
import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { type Logger, settleWithin } from '@prosemill/core';

export interface ConnectionLimits {
  /** With as many, the one that has been open for longest without a whole request makes room for a new one, or else with an answer left lying. */
  readonly maxConnections: number;
  /** Of one connection; nobody needs to send more before the first answer is there. */
  readonly maxRequestsUnderWay: number;
  /** How long a client may leave an answer lying, or a piece of a long one. */
  readonly answerTimeoutMs: number;
  /** In all answers that clients leave lying; beyond, the slowest are cut. */
  readonly maxUnsentBytes: number;
}

export interface Connections {
  /**
   * Notes a request that has come, and has it answered when those before it on its connection have been sent: of what a client does not
   * take, there is one answer in memory. Or cuts the connection.
   */
  admit(response: ServerResponse, answer: () => void): void;
  /** Has something said that belongs to no request, and the connection closed; only the latter where it would be taken for a part of an answer. */
  refuse(socket: Socket, say: () => void): void;
  /** The response that is made or sent there, if there is one. */
  responseOn(socket: Socket): ServerResponse | null;
  /** Resolves when no connection and no request has come for `quietMs`; in about `limitMs` at the latest. */
  untilQuiet(limitMs: number): Promise<void>;
  /**
   * Closes each connection, once no request is answered or arriving on it and all is sent.
   * @returns a promise of the moment when clients know, of the connections that nobody has used lately
   */
  closeUnused(): Promise<void>;
  /** No more looks for slow clients. */
  stop(): void;
}

interface Connection {
  answering: number;
  /** The one that is made or sent. */
  response: ServerResponse | null;
  /** To the last request that has come. */
  last: ServerResponse | null;
  bytesDone: number;
  /** When it was opened, or last had an answer. */
  unusedSince: number;
  /** Of its answers, as last looked at, and since when it is as much. */
  unsentBytes: number;
  unsentSince: number;
}

/** Nobody comes any more when nobody has for so long. */
const quietMs = 200;
/**
 * A connection that was opened or used more lately may have its next request on the way, and is closed with the answer to that: clients
 * come back in a second, the `Retry-After` of a refusal.
 */
const unusedMs = 2_000;
/** Of the event loop, to take what waits at the port; each takes one connection. */
const maxTurns = 1_000;
/** What clients get to close their side of a connection that is closed. */
const goodbyeMs = 100;
const sweepMs = 1_000;

export function trackConnections(server: Server, limits: ConnectionLimits, logger: Logger): Connections {
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
      answering: 0,
      response: null,
      last: null,
      bytesDone: 0,
      unusedSince: lastArrivalAt,
      unsentBytes: 0,
      unsentSince: lastArrivalAt,
    });
    socket.once('close', () => connections.delete(socket));
  });
  const sweeping = setInterval(() => {
    const cut = cutSlowReaders(connections, limits);
    if (cut > 0) logger.warn({ connections: cut }, 'clients did not take their answers');
  }, sweepMs).unref();

  return {
    admit(response, answer) {
      noteArrival();
      const { socket } = response.req;
      const connection = connections.get(socket);
      if (connection === undefined) return;
      const before = connection.last;
      connection.last = response;
      connection.answering += 1;
      if (connection.answering > limits.maxRequestsUnderWay) {
        socket.destroy();
        return;
      }
      response.once('close', () => {
        connection.answering -= 1;
        connection.bytesDone = socket.bytesRead;
        connection.unusedSince = performance.now();
        if (isClosing && connection.answering === 0) socket.destroySoon();
      });
      const begin = (): void => {
        if (!socket.writable) return;
        connection.response = response;
        answer();
      };
      if (connection.answering === 1) begin();
      else before?.once('close', begin);
    },
    refuse(socket, say) {
      const response = connections.get(socket)?.response;
      if (response?.headersSent !== true || response.closed) say();
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
        // A turn takes one connection from the kernel's queue: the port closes after one that found none, however late it is by then.
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

/** Cuts the oldest connection on which nobody waits for an answer, or else the oldest whose answer lies there. @returns false: there is none */
function makeRoom(connections: Map<Socket, Connection>): boolean {
  let victim: Socket | null = null;
  for (const [socket, { answering, response }] of connections) {
    if (answering === 0 || response?.req.complete !== true) {
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

/** @returns how many it has cut */
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
  if (connection.answering > 0 || socket.bytesRead !== connection.bytesDone) return;
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
