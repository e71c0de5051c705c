import type { Caller } from './caller.ts';

/** What the middleware leaves for handlers in Hono's context. */
export interface ApiEnv {
  Variables: {
    /** Echoed from `X-Request-Id` or new; in every answer and every log line of the request. */
    requestId: string;
    /** Whose request it is; set by `authenticate`, before any handler. */
    caller: Caller;
    /** The job that the request made or asked for. */
    jobId?: string;
  };
}
