import type { HttpBindings } from '@hono/node-server';
import type { Caller } from './caller.ts';

/** What the middleware leaves for handlers in Hono's context. */
export interface ApiEnv {
  /** Node's own request and response; without them, a call came by no network. */
  Bindings?: Partial<HttpBindings>;
  Variables: {
    /** Echoed from `X-Request-Id` or new; in every answer and every log line of the request. */
    requestId: string;
    /** Who sent it: an IP address, `''` if that is not known. */
    clientAddress: string;
    /** Whose request it is; set by `authenticate`, before any handler. */
    caller: Caller;
    /** The job that the request made or asked for. */
    jobId?: string;
  };
}
