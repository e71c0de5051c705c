import type { HttpBindings } from '@hono/node-server';
import type { ContractRoute, RoutePolicy } from '@prosemill/contract';
import type { Logger, TraceContext } from '@prosemill/core';
import type { Caller } from './auth/caller.ts';

export interface RequestTrace {
  readonly context: TraceContext;
  /** The trace context that the client sent, if any. */
  readonly parent: TraceContext | null;
}

/** The variables that middleware leaves in Hono's context for handlers. */
export interface ApiEnv {
  /** Node's own request and response; absent for calls that came by no network. */
  Bindings?: Partial<HttpBindings>;
  Variables: {
    /** Echoed from `X-Request-Id` or new; in every answer and every log line of the request. */
    requestId: string;
    /** The route that the request is for; null for an unknown path or method. */
    route: ContractRoute | null;
    /** The policy of that route, or one that is closed. */
    policy: RoutePolicy;
    /** The IP address of the client; `''` if it is not known. */
    clientAddress: string;
    /** The prefix of every path in answers, such as `/api`; '' for none. */
    basePath: string;
    /** The owner of the API key and what it may do; set by `authenticate`, before any handler. */
    caller: Caller;
    /** The span of the request. */
    trace: RequestTrace;
    /** Names the request and its span in each line. */
    logger: Logger;
    /** The job that the request made or asked for. */
    jobId?: string;
  };
}
