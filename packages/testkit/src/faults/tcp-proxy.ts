/** A real TCP proxy in front of a server, with the faults of a network to order. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { pipeDelayed } from './delayed-pipe.ts';
import { createStreamMatcher, type Pattern } from './stream-matcher.ts';

export interface Latency {
  /** Added to what clients send, milliseconds. */
  readonly toServerMs: number;
  /** Added to what the server sends, milliseconds. */
  readonly toClientMs: number;
}

export interface DropReplyOptions {
  /** How many replies are lost; default 1. */
  readonly times?: number;
  /**
   * Only a sequence that follows this one on the same connection counts. It has to be of one transaction alone: `insert into
   * "generation_records"` and not `generation_records`, which a claim reads as well.
   */
  readonly after?: Pattern;
}

/** Faults add up until `heal`. */
export interface TcpProxy {
  /** The server's URL by way of the proxy. */
  readonly url: string;
  /** Connections of clients that are open, without those that were swallowed. */
  readonly connectionCount: number;
  setLatency(latency: Latency): void;
  /** Breaks every open connection with a RST, to the client and to the server. New ones are taken. */
  reset(): void;
  /** New connections get ECONNREFUSED; open ones stay. */
  refuse(): void;
  /** New connections lead to this server, as a name does after a failover; open ones stay. `heal` changes nothing of it. */
  redirect(serverUrl: string): void;
  /** Connections, old and new, stay open; bytes are accepted and go nowhere. They pass when it heals, as after a cut cable. */
  blackHole(): void;
  /**
   * Open connections are dead for ever and look alive, as after a firewall has forgotten them: bytes are accepted and dropped, the end of
   * one side never reaches the other. New connections work. Nothing heals them.
   */
  swallow(): void;
  /** No latency, no hole, no refusal. Replies that are still to be dropped stay so. */
  heal(): Promise<void>;
  /**
   * Lets a byte sequence from a client pass, waits for the server's next bytes on this connection, and breaks it instead of passing
   * them on: the server has done it, the client cannot know. For protocols that answer one request after another.
   * @returns a promise of the moment when it has struck `times` times
   */
  dropReplyAfter(pattern: Pattern, options?: DropReplyOptions): Promise<void>;
  /** Ends all connections. Idempotent. */
  stop(): Promise<void>;
}

/** What Postgres clients send to commit: a simple query, or the statement of an extended one. Never part of a parameter. */
export const postgresCommit: Pattern = ['\u000Bcommit\0', '\0commit\0', '\u000BCOMMIT\0', '\0COMMIT\0'];

interface ReplyDrop {
  readonly steps: readonly Pattern[];
  /** Sequences that may still strike. */
  remaining: number;
  onStruck(): void;
}

interface Fault {
  latency: Latency;
  isHole: boolean;
}

/** One client, and its own connection to the server. */
interface Connection {
  resume(): void;
  swallow(): void;
  reset(): void;
}

const noLatency: Latency = { toServerMs: 0, toClientMs: 0 };
const defaultPorts: Readonly<Record<string, number>> = { 'postgres:': 5432, 'postgresql:': 5432, 'redis:': 6379 };

/** @param serverUrl  Its host and port are where the bytes go. */
export async function startTcpProxy(serverUrl: string): Promise<TcpProxy> {
  let target = addressOf(serverUrl);
  const fault: Fault = { latency: noLatency, isHole: false };
  const connections = new Set<Connection>();
  const swallowed = new Set<Connection>();
  const drops = new Set<ReplyDrop>();

  function accept(client: Socket): void {
    const server = connect({ ...target, allowHalfOpen: true });
    const connection = joinSockets({ client, server, fault, drops });
    connections.add(connection);
    client.on('close', () => connections.delete(connection));
  }

  let listener: Server | null = await listen(0, accept);
  const port = portOf(listener);

  return {
    url: throughPort(serverUrl, port),
    get connectionCount() {
      return connections.size;
    },
    setLatency(latency) {
      fault.latency = latency;
    },
    reset() {
      for (const connection of connections) connection.reset();
    },
    refuse() {
      listener?.close();
      listener = null;
    },
    redirect(nextUrl) {
      target = addressOf(nextUrl);
    },
    blackHole() {
      fault.isHole = true;
      for (const connection of connections) connection.resume();
    },
    swallow() {
      for (const connection of connections) {
        connection.swallow();
        swallowed.add(connection);
      }
      connections.clear();
    },
    async heal() {
      Object.assign(fault, { latency: noLatency, isHole: false });
      for (const connection of connections) connection.resume();
      listener ??= await listen(port, accept);
    },
    async dropReplyAfter(pattern, { times = 1, after } = {}) {
      const steps = after === undefined ? [pattern] : [after, pattern];
      await new Promise<void>((resolve) => {
        let left = times;
        const drop: ReplyDrop = { steps, remaining: times, onStruck: () => (left -= 1) === 0 && done() };
        const done = () => {
          drops.delete(drop);
          resolve();
        };
        drops.add(drop);
      });
    },
    async stop() {
      listener?.close();
      listener = null;
      for (const connection of [...connections, ...swallowed]) connection.reset();
    },
  };
}

function addressOf(serverUrl: string) {
  const { hostname, port, protocol } = new URL(serverUrl);
  return { host: hostname, port: port === '' ? (defaultPorts[protocol] ?? 80) : Number(port) };
}

interface JoinOptions {
  readonly client: Socket;
  readonly server: Socket;
  readonly fault: Fault;
  readonly drops: ReadonlySet<ReplyDrop>;
}

function joinSockets({ client, server, fault, drops }: JoinOptions): Connection {
  const findDrop = createDropFinder(drops);
  let awaited: ReplyDrop | null = null;
  let isSwallowed = false;

  function reset(): void {
    client.resetAndDestroy();
    server.resetAndDestroy();
  }

  // A socket that broke has nobody to tell but the other side.
  const onBroken = (): void => {
    if (!isSwallowed) reset();
  };
  client.on('error', onBroken);
  server.on('error', onBroken);
  const common = { isHeld: () => fault.isHole, isSwallowed: () => isSwallowed };
  const resumeToServer = pipeDelayed({
    source: client,
    target: server,
    ...common,
    latencyMs: () => fault.latency.toServerMs,
    onPassed: (bytes) => (awaited ??= findDrop(bytes)),
  });
  const resumeToClient = pipeDelayed({
    source: server,
    target: client,
    ...common,
    latencyMs: () => fault.latency.toClientMs,
    onArrival() {
      if (awaited === null) return true;
      reset();
      awaited.onStruck();
      return false;
    },
  });
  function resume(): void {
    resumeToServer();
    resumeToClient();
  }
  return {
    reset,
    resume,
    swallow() {
      isSwallowed = true;
      resume();
    },
  };
}

/** @returns a function for each next chunk of one connection: the drop whose sequence ended in it, and that is now spent on it */
function createDropFinder(drops: ReadonlySet<ReplyDrop>): (bytes: Buffer) => ReplyDrop | null {
  const matchers = new Map<ReplyDrop, (chunk: Buffer) => boolean>();
  return function findDrop(bytes) {
    for (const drop of drops) {
      const isFoundIn = matchers.get(drop) ?? createStreamMatcher(drop.steps);
      matchers.set(drop, isFoundIn);
      if (!isFoundIn(bytes) || drop.remaining === 0) continue;
      drop.remaining -= 1;
      return drop;
    }
    return null;
  };
}

async function listen(port: number, onConnection: (client: Socket) => void): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, onConnection).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('A TCP server has a port.');
  return address.port;
}

function throughPort(serverUrl: string, port: number): string {
  const url = new URL(serverUrl);
  url.hostname = '127.0.0.1';
  url.port = String(port);
  return url.href;
}
