import type { HttpBindings } from '@hono/node-server';
import type { Logger, TraceContext } from '@prosemill/core';
import type { Caller } from './caller.ts';

export interface RequestTrace {
  readonly context: TraceContext;
  /** The client's, if it sent one. */
  readonly parent: TraceContext | null;
}

/** What the middleware leaves for handlers in Hono's context. */
export interface ApiEnv {
  /** Node's own request and response; without them, a call came by no network. */
  Bindings?: Partial<HttpBindings>;
  Variables: {
    /** Echoed from `X-Request-Id` or new; in every answer and every log line of the request. */
    requestId: string;
    /** Who sent it: an IP address, `''` if that is not known. */
    clientAddress: string;
    /** The prefix of every path in answers, such as `/api`; '' for none. */
    basePath: string;
    /** Whose request it is; set by `authenticate`, before any handler. */
    caller: Caller;
    /** The span of the request. */
    trace: RequestTrace;
    /** Names the request and its span in each line. */
    logger: Logger;
    /** The job that the request made or asked for. */
    jobId?: string;
  };
}
