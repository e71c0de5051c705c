import type { HttpBindings } from '@hono/node-server';
import type { ContractRoute, RoutePolicy } from '@prosemill/contract';
import type { Logger, TraceContext } from '@prosemill/core';
import type { Caller } from './auth/caller.ts';
import type { StreamEnd } from './http/event-streams.ts';

export interface RequestTrace {
  readonly context: TraceContext;
  /** The trace context that the client sent, if any. */
  readonly parent: TraceContext | null;
}

/** The variables that middleware leaves in Hono's context for handlers. */
export interface ApiEnv {
  /** Node's request and response; absent for calls that do not come over the network. */
  Bindings?: Partial<HttpBindings>;
  Variables: {
    /** Echoed from `X-Request-Id` or new; in every answer and every log line of the request. */
    requestId: string;
    /** Null for an unknown path or method. */
    route: ContractRoute | null;
    /** The policy of the route; for an unknown path or method one that needs a key. */
    policy: RoutePolicy;
    /** The host to which the client sent the request; an IPv6 address has brackets. */
    hostname: string;
    /** The IP address of the client; `''` if it is not known. */
    clientAddress: string;
    /** The prefix of every path in answers, such as `/api`; '' for none. */
    basePath: string;
    /** Set by `authenticate`, before any handler. */
    caller: Caller;
    /** Set by `limitRate`: charges the caller for a request that costs more than its policy says. */
    takeTokens: (cost: number) => Promise<void>;
    trace: RequestTrace;
    /** Each line names the request and its span. */
    logger: Logger;
    /** The job that the request made or named. */
    jobId?: string;
    /** Resolves at the end of an answer that is a stream. */
    streamEnd?: Promise<StreamEnd>;
  };
}
