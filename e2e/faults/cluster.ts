/**
 * A service of several processes with private servers behind proxies, all of which a run may break, and the history of
 * the run.
 */
import { openStore } from '@prosemill/store';
import {
  launchPostgres,
  launchRedis,
  moveToDisk,
  openSql,
  type PrivatePostgres,
  type PrivateServer,
  silentLogger,
  type SmallDisk,
  startTcpProxy,
  type TcpProxy,
} from '@prosemill/testkit';
import { checkHistory, type Violation } from '../proof/history/check-history.ts';
import type { HistoryEntry, RunLimits } from '../proof/history/history.ts';
import { createHistoryRecorder, type HistoryRecorder } from '../proof/history/record-history.ts';
import {
  type Environment,
  migrateDatabase,
  ServiceProcess,
  type ServiceProcessOptions,
  testEnvironment,
} from '../launch.ts';
import { patience, until } from './until.ts';

export interface ClusterOptions {
  /** Default: `full`. */
  readonly size?: 'full' | 'postgres';
  /** Default: 1. */
  readonly apis?: number;
  /** Default: 2. */
  readonly workers?: number;
  /** Variables of every process. */
  readonly environment?: Environment;
  /** The disk of the database. The cluster closes it. Default: null, no disk of its own. */
  readonly disk?: SmallDisk | null;
  /** The database URL of the processes. Default: the URL of a TCP proxy. */
  readonly reachDatabase?: (postgres: PrivatePostgres) => Promise<string>;
  /** The version of the migration and of the first processes. */
  readonly first?: Pick<ServiceProcessOptions, 'checkout'>;
  readonly limits?: Partial<RunLimits>;
  /** Called with each entry of the history. */
  readonly onEntry?: (entry: HistoryEntry) => void;
}

/** A process and its address. */
export interface Node {
  readonly process: ServiceProcess;
  /** The URL of an API, or of a worker's probes and metrics. */
  readonly url: string;
  /** How far its clock is ahead of the others. */
  readonly skewMs: number;
}

export interface NodeOptions extends Pick<ServiceProcessOptions, 'checkout'> {
  readonly environment?: Environment;
  readonly skewMs?: number;
}

/** The shortest lease that the configuration allows, because tests wait for its end. */
export const shortLeaseSeconds = 3;

export const defaultLimits: RunLimits = {
  leaseMs: shortLeaseSeconds * 1_000,
  finishWithinMs: null,
  mayFail: false,
  answerWithinMs: null,
  gauges: {},
  clockToleranceMs: 100,
  recoverWithinMs: 60_000,
};

const sampleEveryMs = 250;

export class Cluster {
  readonly postgres: PrivatePostgres;
  /** Null in the size `postgres`. */
  readonly redis: PrivateServer | null;
  /** The proxies between every process and the servers. */
  readonly databaseProxy: TcpProxy;
  readonly redisProxy: TcpProxy | null;
  /** Null: the database has no disk of its own. */
  readonly disk: SmallDisk | null;
  readonly recorder: HistoryRecorder;
  /** Processes that are meant to be up. */
  readonly apis: Node[] = [];
  readonly workers: Node[] = [];
  /** All processes so far. */
  readonly #nodes: Node[] = [];
  readonly #environment: Environment;
  #sampling: NodeJS.Timeout | undefined;

  private constructor(
    servers: Pick<Cluster, 'postgres' | 'redis' | 'databaseProxy' | 'redisProxy'> & { readonly databaseUrl: string },
    { disk = null, environment, limits, onEntry }: ClusterOptions,
  ) {
    ({
      postgres: this.postgres,
      redis: this.redis,
      databaseProxy: this.databaseProxy,
      redisProxy: this.redisProxy,
    } = servers);
    this.disk = disk;
    const { databaseUrl, redisProxy } = servers;
    this.#environment = {
      ...testEnvironment,
      // Engines slow each other down when their threads wait for work on the same cores.
      ENGINE_THREADS: '1',
      LEASE_SECONDS: String(shortLeaseSeconds),
      DATABASE_URL: databaseUrl,
      ...(redisProxy === null ? {} : { REDIS_URL: redisProxy.url }),
      ...environment,
    };
    this.recorder = createHistoryRecorder({
      limits: { ...defaultLimits, ...limits },
      ...(onEntry === undefined ? {} : { onEntry }),
    });
  }

  static async launch(options: ClusterOptions = {}): Promise<Cluster> {
    const [postgres, redis] = await Promise.all([launchPostgres(), options.size === 'postgres' ? null : launchRedis()]);
    const databaseProxy = await startTcpProxy(postgres.url);
    const redisProxy = redis === null ? null : await startTcpProxy(redis.url);
    const databaseUrl = (await options.reachDatabase?.(postgres)) ?? databaseProxy.url;
    const cluster = new Cluster({ postgres, redis, databaseProxy, redisProxy, databaseUrl }, options);
    try {
      const { apis = 1, workers = 2, first = {} } = options;
      if (cluster.disk !== null) await moveToDisk(postgres.url, cluster.disk);
      await migrate(databaseUrl, first);
      await Promise.all([
        ...Array.from({ length: apis }, async () => await cluster.startApi(first)),
        ...Array.from({ length: workers }, async () => await cluster.startWorker(first)),
      ]);
      cluster.#sampling = setInterval(() => void cluster.#sample(), sampleEveryMs);
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  async startApi(options: NodeOptions = {}): Promise<Node> {
    const node = await this.#start('apps/api/src/main.ts', options, async (process) =>
      String((await process.logged({ msg: 'the API listens' }))['url']),
    );
    this.apis.push(node);
    return node;
  }

  /** Resolves when the worker takes jobs. */
  async startWorker(options: NodeOptions = {}): Promise<Node> {
    const node = await this.#start('apps/worker/src/main.ts', options, async (process) => {
      const { port } = await process.logged({ msg: 'the worker answers probes' });
      await process.logged({ msg: 'the worker takes jobs' });
      return `http://127.0.0.1:${String(port)}`;
    });
    this.workers.push(node);
    return node;
  }

  /**
   * Stops a process. It stays in the list until it has ended, because clients go on sending requests to a stopping API.
   * @returns its exit code; null when a signal ended it
   */
  async stopNode(node: Node, signal: NodeJS.Signals): Promise<number | null> {
    // A frozen process receives no signal but SIGKILL.
    node.process.child.kill('SIGCONT');
    const code = await node.process.stop(signal);
    for (const nodes of [this.apis, this.workers]) {
      if (nodes.includes(node)) nodes.splice(nodes.indexOf(node), 1);
    }
    return code;
  }

  /** Runs a statement on the database past the proxy. */
  async sql(statement: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const connection = await openSql(this.postgres.url);
    try {
      return await connection.execute(statement);
    } finally {
      await connection.close();
    }
  }

  async countQueued(): Promise<number> {
    return await this.#count(`status = 'queued'`);
  }

  async countOpen(): Promise<number> {
    return await this.#count(`status in ('queued', 'running')`);
  }

  async countSucceeded(): Promise<number> {
    return await this.#count(`status = 'succeeded'`);
  }

  /**
   * Resolves when no job is open any more.
   * @param withinMs  The time on an idle machine.
   * @throws after `withinMs`, beside other tests after `patience` times as long
   */
  async settle(withinMs: number): Promise<void> {
    await until('all jobs to end', async () => (await this.countOpen()) === 0, patience * withinMs);
  }

  /** Counts the attempts at this job in the logs of all workers. */
  startsOf(jobId: string): number {
    return this.#nodes
      .flatMap(({ process }) => process.log)
      .filter((line) => line['msg'] === 'job attempt started' && line['jobId'] === jobId).length;
  }

  /** Stops everything, and checks the history against the invariants. */
  async verdict(): Promise<readonly Violation[]> {
    clearInterval(this.#sampling);
    await Promise.all([...this.apis, ...this.workers].map((node) => this.stopNode(node, 'SIGKILL')));
    for (const { process, skewMs } of this.#nodes) {
      for (const line of process.log) this.recorder.addLogLine(line, skewMs);
    }
    const connection = await openSql(this.postgres.url);
    await this.recorder.readTables(connection.execute);
    await connection.close();
    return checkHistory(this.recorder.history);
  }

  /** Ends all processes, proxies and servers. */
  async stop(): Promise<void> {
    clearInterval(this.#sampling);
    for (const { process } of this.#nodes) await process.stop('SIGKILL');
    await Promise.all([this.databaseProxy.stop(), this.redisProxy?.stop()]);
    await Promise.all([this.postgres.stop(), this.redis?.stop()]);
    await this.disk?.close();
  }

  async #start(
    program: 'apps/api/src/main.ts' | 'apps/worker/src/main.ts',
    { environment, skewMs = 0, ...version }: NodeOptions,
    urlOf: (process: ServiceProcess) => Promise<string>,
  ): Promise<Node> {
    const process = new ServiceProcess(program, { ...this.#environment, ...environment }, version);
    const node = { process, skewMs, url: '' };
    this.#nodes.push(node);
    void process.ended().then(() => this.#noteEnd(process));
    return Object.assign(node, { url: await urlOf(process) });
  }

  async #count(condition: string): Promise<number> {
    const [row] = await this.sql(`select count(*) as jobs from jobs where ${condition}`);
    return Number(row?.['jobs']);
  }

  #noteEnd(process: ServiceProcess): void {
    const workerId = process.log.find((line) => 'workerId' in line)?.['workerId'];
    if (typeof workerId === 'string') this.recorder.add({ type: 'worker-gone', workerId });
  }

  /** Samples leases. While the database is away samples are missing, which the checker allows. */
  async #sample(): Promise<void> {
    await this.recorder.sampleLeases(async (statement) => await this.sql(statement)).catch(() => undefined);
  }
}

/** Migrates in this process, because a process for each of the many clusters takes far longer than the migration. */
async function migrate(url: string, first: Pick<ServiceProcessOptions, 'checkout'>): Promise<void> {
  if (first.checkout !== undefined) {
    await migrateDatabase({ DATABASE_URL: url }, first);
    return;
  }
  const store = openStore({ url, logger: silentLogger });
  try {
    await store.migrate();
  } finally {
    await store.stop();
  }
}
