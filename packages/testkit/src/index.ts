/** @module Conformance suites for the ports of core, and the real servers that tests run against. Never part of an image. */
export type { TestServer } from './servers/server.ts';
