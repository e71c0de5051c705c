/** A pool of Postgres connections that gives up those that died without a word. */
import { type ConnectionCounts, errorLine, type Logger, settleWithin } from '@prosemill/core';
import type { PostgresPool, PostgresPoolClient } from 'kysely';
import { Pool, type PoolClient } from 'pg';
import { answerLimitMs } from '../answer-limit.ts';
import { cancelStatement } from './cancel-statement.ts';
import { connectFailed, isConnectionUseless, isReadOnly, statementFailed } from './postgres-errors.ts';
import { columnParsers, prepareSession } from './postgres-session.ts';

export interface PoolOptions {
  readonly url: string;
  readonly logger: Logger;
  /** The time limit for a statement, waits for locks included. */
  readonly statementTimeoutMs: number;
}

export interface CountedPool extends PostgresPool {
  counts(): ConnectionCounts;
}

const poolSize = 10;
const connectTimeoutMs = 5_000;
/** A server that can be reached has cut the statement itself by then. */
const answerMarginMs = 2_000;
/** What statements under way get when the pool closes. */
const closeLimitMs = 2_000;

/**
 * pg reports a statement without an answer and keeps its connection, and its pool hands out first what came back last: after a failover
 * it would be the same dead connection again, until TCP gives up after a quarter of an hour. Here the connection goes, and with it every
 * one that has not answered since that statement began.
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
        throw connectFailed(error);
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
      throw connectFailed(error);
    }
  }

  function checkedOut(client: PoolClient): PostgresPoolClient {
    let failure: unknown = null;
    let canceled: Promise<void> | null = null;

    async function query(text: string, values: readonly unknown[]): Promise<unknown> {
      // The rollback of a transaction that hung would wait as long again.
      if (failure !== null) throw failure;
      const beganAt = performance.now();
      const limitMs = Math.min(answerLimitMs(), mostMs);
      // Of pg's settings for one query, its types do not know this one.
      const statement = { text, values: [...values], query_timeout: limitMs };
      try {
        return await client.query(statement);
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
        // A pooler finds the statement by its client, who must be there until then.
        else if (canceled !== null) void canceled.then(() => discard(client));
        else discard(client);
      },
    };
  }

  return {
    options: pool.options,
    connect,
    counts: () => ({
      inUse: pool.totalCount - pool.idleCount,
      idle: pool.idleCount,
      waiting: pool.waitingCount,
    }),
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
    // No other settings here: they would be startup parameters, and pgbouncer refuses those that it does not know.
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    application_name: 'prosemill',
    types: columnParsers,
  });
  // Without a listener a server that goes away would end the process. The pool hears only of idle connections; one that is in use tells
  // its statement, unless it is between two statements of a transaction.
  pool.on('error', (error) => logger.warn({ reason: errorLine(error) }, 'an idle database connection was lost'));
  pool.on('connect', (client) =>
    client.on('error', (error) => logger.debug({ reason: errorLine(error) }, 'a database connection was lost')),
  );
  return pool;
}

/** A goodbye alone would wait for an answer. */
function discard(client: PoolClient): void {
  client.release(true);
  client.connection.stream.destroy();
}
