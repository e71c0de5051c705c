/** A pool of Postgres connections that detects silently dead ones and closes them. */
import { type ConnectionCounts, errorLine, type Logger, settleWithin } from '@prosemill/core';
import type { PostgresPool, PostgresPoolClient } from 'kysely';
import { Pool, type PoolClient } from 'pg';
import { answerLimitMs } from '../answer-limit.ts';
import { cancelStatement } from './cancel-statement.ts';
import { isConnectionUseless, isReadOnly, statementFailed, unavailable } from './postgres-errors.ts';
import { columnParsers, prepareSession } from './postgres-session.ts';

export interface PoolOptions {
  readonly url: string;
  readonly logger: Logger;
  /** The time limit for a statement, including its waits for locks. */
  readonly statementTimeoutMs: number;
}

export interface CountedPool extends PostgresPool {
  counts(): ConnectionCounts;
}

const poolSize = 10;
const connectTimeoutMs = 5_000;
/** A reachable server cancels the statement itself and answers within this time. */
const answerMarginMs = 2_000;
/** Time that running statements get when the pool closes. */
const closeLimitMs = 2_000;

/**
 * When a statement gets no answer, pg reports that and keeps the connection. Its pool hands out the connection that was
 * returned last: after a failover the same dead one again, until TCP gives up after a quarter of an hour. This pool
 * closes that connection, and all others that have not answered since the statement began.
 */
export function createPostgresPool(options: PoolOptions): CountedPool {
  const pool = openPool(options);
  const mostMs = options.statementTimeoutMs + answerMarginMs;
  const open = new Set<PoolClient>();
  const answeredAt = new WeakMap<PoolClient, number>();
  let trustedSince = Number.NEGATIVE_INFINITY;
  pool.on('connect', (client) => open.add(client));
  pool.on('remove', (client) => open.delete(client));

  async function connect(): Promise<PostgresPoolClient> {
    for (;;) {
      const client = await pool.connect().catch((error: unknown) => {
        throw unavailable(error);
      });
      if ((answeredAt.get(client) ?? Number.POSITIVE_INFINITY) >= trustedSince) {
        await prepare(client);
        return checkedOut(client);
      }
      discard(client);
    }
  }

  async function prepare(client: PoolClient): Promise<void> {
    if (answeredAt.has(client)) return;
    try {
      await prepareSession(client, { statementTimeoutMs: options.statementTimeoutMs, limitMs: connectTimeoutMs });
      answeredAt.set(client, performance.now());
    } catch (error) {
      discard(client);
      throw unavailable(error);
    }
  }

  function checkedOut(client: PoolClient): PostgresPoolClient {
    let failure: unknown = null;
    let canceled: Promise<void> | null = null;

    async function query(text: string, values: readonly unknown[]): Promise<unknown> {
      // Otherwise the rollback of a hung transaction would wait for the time limit again.
      if (failure !== null) throw failure;
      const beganAt = performance.now();
      const limitMs = Math.min(answerLimitMs(), mostMs);
      // pg takes this limit for a single query, but its types lack it.
      const statement = { text, values: [...values], query_timeout: limitMs };
      try {
        const answer: unknown = await client.query(statement);
        // A message of several statements has an answer to each.
        return Array.isArray(answer) ? answer.at(-1) : answer;
      } catch (error) {
        const translated = statementFailed(error);
        if (isConnectionUseless(error)) {
          failure = translated;
          if (!isReadOnly(error)) canceled = cancelStatement(client);
          trustedSince = Math.max(trustedSince, isReadOnly(error) ? performance.now() : beganAt);
        }
        throw translated;
      } finally {
        if (failure === null) answeredAt.set(client, performance.now());
      }
    }

    return {
      query: query as PostgresPoolClient['query'],
      release(isDiscarded) {
        if (failure === null && isDiscarded !== true) client.release();
        // A pooler finds the statement by its client's connection, so this stays open until the cancel has ended.
        else if (canceled !== null) void canceled.then(() => discard(client));
        else discard(client);
      },
    };
  }

  return {
    options: pool.options,
    connect,
    counts: () => ({ inUse: pool.totalCount - pool.idleCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    async end() {
      await settleWithin(closeLimitMs, pool.end());
      for (const client of open) client.connection.stream.destroy();
    },
  };
}

function openPool({ url, logger }: PoolOptions): Pool {
  const pool = new Pool({
    connectionString: url,
    max: poolSize,
    // Other settings would become startup parameters, and pgbouncer refuses those that it does not know.
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    application_name: 'prosemill',
    types: columnParsers,
  });
  // Without a listener, a lost connection would end the process. The pool reports idle connections only. A connection
  // in use reports to its statement, or to its own listener between two statements of a transaction.
  pool.on('error', (error) => logger.warn({ reason: errorLine(error) }, 'an idle database connection was lost'));
  pool.on('connect', (client) =>
    client.on('error', (error) => logger.debug({ reason: errorLine(error) }, 'a database connection was lost')),
  );
  return pool;
}

/** Destroys the stream as well: pg alone would say goodbye and wait for the server to close. */
function discard(client: PoolClient): void {
  client.release(true);
  client.connection.stream.destroy();
}
