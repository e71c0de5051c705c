/** A real server that a test run started, or was given by an environment URL. */
export interface TestServer {
  readonly url: string;
  /** Ends the server if this run started it; one that was given stays. Idempotent. */
  stop(): Promise<void>;
}

/** A server of a test's own, which it may treat badly. */
export interface PrivateServer extends TestServer {
  /** SIGKILL, no goodbye. Resolves when it is gone. */
  crash(): Promise<void>;
  /** Starts it again on the same port and data. */
  restart(): Promise<void>;
  /** SIGSTOP: connections stay open and nothing answers, until `thaw`. */
  freeze(): void;
  thaw(): void;
}
