/**
 * @module Conformance suites for the ports of core, real servers for tests, and faults between them. Not part of any
 * image.
 */
export {
  describeHintQueueConformance,
  describeSharedHintQueueConformance,
  type HintQueueSession,
} from './conformance/hint-queue.ts';
export { describeRateLimiterConformance, type RateLimiterSession } from './conformance/rate-limiter.ts';
export { type GatedCalls, gateCalls } from './conformance/gate-calls.ts';
export { describeServiceConformance, type ServiceSession } from './conformance/service.ts';
export {
  describeTextGeneratorConformance,
  type GoldenTokens,
  type TextGeneratorSetup,
} from './conformance/text-generator.ts';
export { type Latency, startTcpProxy, type TcpProxy } from './faults/tcp-proxy.ts';
export { measureMemory, type Memory } from './measure-memory.ts';
export { type TokenizerFiles } from './models/byte-tokenizer.ts';
export { type SafetensorsDtype } from './models/safetensors.ts';
export {
  byteFallbackTokenizer,
  characterTokenizer,
  metaspaceTokenizer,
  type TokenizerChanges,
  tokenizerKinds,
  wordLevelTokenizer,
  wordPieceTokenizer,
} from './models/tokenizers.ts';
export {
  type FileContent,
  type Gpt2FolderOptions,
  smallGpt2Config,
  writeGpt2Folder,
} from './models/write-gpt2-folder.ts';
export { type ChildProcessInfo, childProcesses } from './servers/child-processes.ts';
export { type CollectedSpan, type Collector, startCollector } from './servers/collector.ts';
export { type Program, programOfDebian, programOnPath } from './servers/debian-package.ts';
export { skewedClock } from './servers/faketime.ts';
export { type HubFault, type HubServer, startHubServer } from './servers/hub-server.ts';
export { createTestDatabase, launchPostgres, type PrivatePostgres, type TestDatabase } from './servers/postgres.ts';
export { moveToDisk } from './servers/postgres-disk.ts';
export { launchPgbouncer, type Pgbouncer, type PoolMode } from './servers/pgbouncer.ts';
export { startNameServer, type TestNameServer } from './servers/name-server.ts';
export { freePort } from './servers/server-process.ts';
export { launchRedis } from './servers/redis.ts';
export type { PrivateServer, TestServer } from './servers/server.ts';
export { openSmallDisk, type SmallDisk } from './servers/small-disk.ts';
export { type ExecuteSql, openSql, type SqlConnection } from './servers/sql.ts';
export { type ReceivedMessage, startReceiver } from './servers/webhook-receiver.ts';
export { silentLogger } from './silent-logger.ts';
export {
  type OpenStream,
  type ReadEnding,
  type ReadOptions,
  StreamClient,
  streamOf,
  type TokenArrival,
} from './streams/stream-client.ts';
export { codePointsOf } from './streams/stream-state.ts';
export { createTestFolder, removeTestFolder } from './test-folder.ts';
export { describeStoreConformance, retentionDays, type StoreSession } from './conformance/store/index.ts';
export { openServerSessions } from './conformance/store/server-session.ts';
export { newJob } from './conformance/store/session.ts';
export { describeWakeUpsConformance, type WakeUpSession } from './conformance/wake-ups.ts';
