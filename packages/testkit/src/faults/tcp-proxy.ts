/** A TCP proxy in front of a server, with faults of a network on demand. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { pipeDelayed } from './delayed-pipe.ts';
import { createStreamMatcher } from './stream-matcher.ts';

export interface Latency {
  /** The delay of bytes from clients, milliseconds. */
  readonly toServerMs: number;
  /** The delay of bytes from the server, milliseconds. */
  readonly toClientMs: number;
}

/** Faults add up until `heal`. */
export interface TcpProxy {
  /** The URL of the server through the proxy. */
  readonly url: string;
  /** Open connections of clients, without those that were swallowed. */
  readonly connectionCount: number;
  setLatency(latency: Latency): void;
  /** Resets every open connection (RST) on both sides. New ones are taken. */
  reset(): void;
  /** New connections get ECONNREFUSED; open ones stay. */
  refuse(): void;
  /** Leads new connections to this server, like a name after a failover; open ones stay. `heal` does not undo it. */
  redirect(serverUrl: string): void;
  /** Black hole: old and new connections stay open, and their bytes are held until `heal`, as with a cut cable. */
  blackHole(): void;
  /**
   * Open connections die silently, as when a firewall forgets them: bytes are accepted and dropped, and the end of one
   * side never reaches the other. New connections work. `heal` does not bring the dead ones back.
   */
  swallow(): void;
  /** Ends latency, black hole and refusal. Replies that are still to be dropped stay so. */
  heal(): Promise<void>;
  /**
   * Waits for a byte sequence from a client, and breaks its connection at the server's next bytes instead of passing
   * them on: the server has done its work, and the client cannot know it. For protocols that answer one request after
   * another.
   * @param sequence  It must belong to the meant statement alone: `insert into "generation_records"`, not
   *   `generation_records`.
   * @param times  The number of replies that are lost; default 1.
   * @returns a promise that resolves after `times` broken connections
   */
  dropReplyAfter(sequence: string, times?: number): Promise<void>;
  /** Ends all connections. Idempotent. */
  stop(): Promise<void>;
}

interface ReplyDrop {
  readonly sequence: string;
  /** The number of replies still to be dropped. */
  remaining: number;
  onStruck(): void;
}

interface Fault {
  latency: Latency;
  isHole: boolean;
}

/** A client with its connection to the server. */
interface Connection {
  resume(): void;
  swallow(): void;
  reset(): void;
}

const noLatency: Latency = { toServerMs: 0, toClientMs: 0 };
const defaultPorts: Readonly<Record<string, number>> = { 'postgres:': 5432, 'postgresql:': 5432, 'redis:': 6379 };

/** @param serverUrl  Host and port of the server. */
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
    async dropReplyAfter(sequence, times = 1) {
      await new Promise<void>((resolve) => {
        let left = times;
        const drop: ReplyDrop = { sequence, remaining: times, onStruck: () => (left -= 1) === 0 && done() };
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

  // A socket's error only resets both sides; it is not reported.
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

/**
 * @returns a function for each next chunk of one connection: the drop whose sequence ends in the chunk. It uses the
 * drop up once.
 */
function createDropFinder(drops: ReadonlySet<ReplyDrop>): (bytes: Buffer) => ReplyDrop | null {
  const matchers = new Map<ReplyDrop, (chunk: Buffer) => boolean>();
  return function findDrop(bytes) {
    for (const drop of drops) {
      const isFoundIn = matchers.get(drop) ?? createStreamMatcher(drop.sequence);
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
