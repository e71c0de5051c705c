/** A real server that a test run started, or was given by an environment URL. */
export interface TestServer {
  readonly url: string;
  /** Ends the server if this run started it; one that was given stays. */
  stop(): Promise<void>;
}
