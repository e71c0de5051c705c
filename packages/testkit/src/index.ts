/** @module Conformance suites for the ports of core, and the real servers that tests run against. Never part of an image. */
export { createTestDatabase, launchPostgres, type TestDatabase } from './servers/postgres.ts';
export { launchRedis } from './servers/redis.ts';
export type { PrivateServer, TestServer } from './servers/server.ts';
