/** A server that the test run started, or that an environment variable named. */
export interface TestServer {
  readonly url: string;
  /** Ends the server if the test run started it. Idempotent. */
  stop(): Promise<void>;
}

/** A private server of one test, which may break it. */
export interface PrivateServer extends TestServer {
  /** Kills the server (SIGKILL). Resolves when it is gone. */
  crash(): Promise<void>;
  /** Starts it again on the same port and data. */
  restart(): Promise<void>;
  /** SIGSTOP: connections stay open and nothing answers, until `thaw`. */
  freeze(): void;
  thaw(): void;
}
