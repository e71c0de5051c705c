/** Webhooks: claims and outcomes of deliveries, their log, and the secrets of owners. */
import {
  type Delivery,
  type DeliveryAttempt,
  deliveryRetryMs,
  type DueQuery,
  fullPlaces,
  hasRoom,
  maxCountedDeliveries,
  openDeliveryStates,
  secretOverlapMs,
  type OpenDeliveries,
  type WebhookSecrets,
  type WebhookStore,
} from '@prosemill/core';
import { type Selectable, type SelectQueryBuilder, sql } from 'kysely';
import type { Dialect } from './dialect.ts';
import { readPage } from './read-page.ts';
import { readTime, readTimeOrNull } from './rows.ts';
import type { Tables, WebhookAttemptTable, WebhookDeliveryTable, WebhookSecretTable } from './schema.ts';
import type { StoreContext } from './store-context.ts';

type DeliveryRow = Selectable<WebhookDeliveryTable>;

/** The entries of a log that are shown: a delivery may be repeated any number of times. */
const shownAttempts = 20;

export const createWebhookStore = ({ db, dialect }: StoreContext): WebhookStore => ({
  async claimDue(query) {
    return await db.transaction().execute(async (tx) => {
      const due = selectDue(tx.selectFrom('webhook_deliveries').selectAll(), query, dialect);
      const rows = takeFitting(await due.execute(), query);
      if (rows.length === 0) return [];
      await tx
        .updateTable('webhook_deliveries')
        .set({ attempts: sql`attempts + 1`, next_attempt_at: dialect.nowPlus(query.leaseMs) })
        .where(
          'id',
          'in',
          rows.map(({ id }) => id),
        )
        .execute();
      return rows.map((row) => ({
        id: row.id,
        jobId: row.job_id,
        ownerId: row.owner_id,
        event: row.event,
        url: row.url,
        host: row.host,
        createdAt: readTime(row.created_at),
        attempt: row.attempts + 1,
      }));
    });
  },

  async record({ id, attempt }, { error, statusCode, location, retryAfterMs, durationMs }) {
    const recorded = await db.transaction().execute(async (tx) => {
      const select = tx
        .selectFrom('webhook_deliveries')
        .select(['job_id', 'attempts', 'failures', 'state'])
        .where('id', '=', id);
      const row = await (dialect.rowLocks ? select.forUpdate() : select).executeTakeFirst();
      if (row === undefined) return null;
      // Read under the row's lock, for which a purge waits.
      const job = await tx.selectFrom('jobs').select('purged_at').where('id', '=', row.job_id).executeTakeFirst();
      const isPurged = job?.purged_at != null;
      const entry = { error, status_code: statusCode, location: isPurged ? null : location, duration_ms: durationMs };
      await tx
        .insertInto('webhook_attempts')
        .values({ delivery_id: id, attempt, at: dialect.now, ...entry })
        .onConflict((conflict) => conflict.columns(['delivery_id', 'attempt']).doNothing())
        .execute();
      if (row.attempts !== attempt || !openDeliveryStates.some((state) => state === row.state)) return null;
      const failures = row.failures + 1;
      const retryMs = error === 'gone' ? null : deliveryRetryMs(failures, retryAfterMs);
      const change =
        error === null
          ? { state: 'delivered' as const, next_attempt_at: null, delivered_at: dialect.now }
          : retryMs === null
            ? { state: 'failed' as const, next_attempt_at: null, failures }
            : { state: 'failing' as const, next_attempt_at: dialect.nowPlus(retryMs), failures };
      const isErased = isPurged && change.next_attempt_at === null;
      const erased = isErased ? { url: '' } : {};
      await tx
        .updateTable('webhook_deliveries')
        .set({ ...change, ...erased })
        .where('id', '=', id)
        .execute();
      return { state: change.state, isErased };
    });
    if (recorded?.isErased === true) await dialect.eraseRemoved(db);
    return recorded?.state ?? null;
  },

  async listOfJob(ownerId, jobId) {
    const deliveries = await db
      .selectFrom('webhook_deliveries')
      .selectAll()
      .where('job_id', '=', jobId)
      .where('owner_id', '=', ownerId)
      .orderBy('created_at')
      .orderBy('id')
      .execute();
    if (deliveries.length === 0) return [];
    const attempts = await db
      .selectFrom('webhook_attempts')
      .innerJoin('webhook_deliveries', 'webhook_deliveries.id', 'webhook_attempts.delivery_id')
      .selectAll('webhook_attempts')
      .where('webhook_deliveries.job_id', '=', jobId)
      .where(sql<boolean>`webhook_attempts.attempt > webhook_deliveries.attempts - ${shownAttempts}`)
      .orderBy('webhook_attempts.attempt')
      .execute();
    return deliveries.map((row) => {
      const log = attempts.filter((attempt) => attempt.delivery_id === row.id).map(toAttempt);
      return Object.assign(toDelivery(row), { log });
    });
  },

  async list({ states, after, limit }) {
    const select = db
      .selectFrom('webhook_deliveries')
      .leftJoin('webhook_attempts', (join) =>
        join
          .onRef('webhook_attempts.delivery_id', '=', 'webhook_deliveries.id')
          .on(
            'webhook_attempts.attempt',
            '=',
            sql<number>`(select max(attempt) from webhook_attempts where delivery_id = webhook_deliveries.id)`,
          ),
      )
      .selectAll('webhook_deliveries')
      .select(['webhook_attempts.attempt', 'webhook_attempts.at', 'webhook_attempts.error', 'status_code'])
      .select(['location', 'duration_ms']);
    const wanted = states === undefined ? select : select.where('state', 'in', states);
    return await readPage(wanted, {
      dialect,
      table: 'webhook_deliveries',
      after,
      limit,
      toItem: ({ attempt, at, duration_ms, error, status_code, location, ...row }) =>
        Object.assign(toDelivery(row), {
          host: row.host,
          last:
            attempt === null || at === null || duration_ms === null
              ? null
              : toAttempt({ delivery_id: row.id, attempt, at, duration_ms, error, status_code, location }),
        }),
    });
  },

  async countOpen() {
    const { rows } = await sql<OpenDeliveries>`select ${sql.join(openDeliveryStates.map(selectCount))}`.execute(db);
    return rows[0] ?? { pending: 0, failing: 0 };
  },

  async redeliver({ ownerId, jobId, id }) {
    const { numUpdatedRows } = await db
      .updateTable('webhook_deliveries')
      .set({ state: 'pending', failures: 0, next_attempt_at: dialect.now, delivered_at: null })
      .where('id', '=', id)
      .where('job_id', '=', jobId)
      .where('owner_id', '=', ownerId)
      // The job was purged, together with the URL.
      .where('url', '<>', '')
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  },

  async findSecrets(ownerId, fresh) {
    return await db.transaction().execute(async (tx) => {
      const select = tx
        .selectFrom('webhook_secrets')
        .selectAll()
        .select(dialect.msSince('created_at').as('ageMs'))
        .where('owner_id', '=', ownerId);
      const found = await select.executeTakeFirst();
      if (found !== undefined) return toSecrets(found);
      await tx
        .insertInto('webhook_secrets')
        .values({ owner_id: ownerId, secret: fresh, created_at: dialect.now, previous: null })
        .onConflict((conflict) => conflict.column('owner_id').doNothing())
        .execute();
      return toSecrets(await select.executeTakeFirstOrThrow());
    });
  },

  async rotateSecret(ownerId, fresh) {
    const row = await db
      .insertInto('webhook_secrets')
      .values({ owner_id: ownerId, secret: fresh, created_at: dialect.now, previous: null })
      .onConflict((conflict) =>
        conflict.column('owner_id').doUpdateSet({
          secret: fresh,
          created_at: dialect.now,
          previous: sql`webhook_secrets.secret`,
        }),
      )
      .returningAll()
      .executeTakeFirstOrThrow();
    return toSecrets({ ...row, ageMs: 0 });
  },
});

const selectCount = (state: (typeof openDeliveryStates)[number]) => sql`(
  select count(*) from (
    select 1 from webhook_deliveries where state = ${state} limit ${maxCountedDeliveries}
  ) as counted
) as ${sql.id(state)}`;

/** Skips hosts and owners without room, so that the deliveries of one that is dead do not stand before all others. */
function selectDue<Row>(
  select: SelectQueryBuilder<Tables, 'webhook_deliveries', Row>,
  query: DueQuery,
  dialect: Dialect,
): SelectQueryBuilder<Tables, 'webhook_deliveries', Row> {
  const { hosts, owners, strictOwners } = fullPlaces(query);
  // `ago(0)` is found in the index.
  let due = select.where(sql<boolean>`next_attempt_at <= ${dialect.ago(0)}`);
  if (query.maxDueMs !== undefined) due = due.where(sql<boolean>`next_attempt_at >= ${dialect.ago(query.maxDueMs)}`);
  if (hosts.length > 0) due = due.where('host', 'not in', hosts);
  if (owners.length > 0) due = due.where('owner_id', 'not in', owners);
  const answering = [...query.answeringHosts];
  if (strictOwners.length > 0) {
    due = due.where((where) =>
      where.or([
        where('owner_id', 'not in', strictOwners),
        ...(answering.length > 0 ? [where('host', 'in', answering)] : []),
      ]),
    );
  }
  const first = due.orderBy('next_attempt_at').limit(query.limit);
  return dialect.rowLocks ? first.forUpdate().skipLocked() : first;
}

/** The rows, in order, for which their host and their owner have room. */
function takeFitting(rows: readonly DeliveryRow[], query: DueQuery): readonly DeliveryRow[] {
  const underWay = [...query.underWay];
  return rows.filter(({ host, owner_id: ownerId }) => {
    const place = { host, ownerId };
    if (!hasRoom(place, { ...query, underWay })) return false;
    underWay.push(place);
    return true;
  });
}

const toDelivery = (row: DeliveryRow): Delivery => ({
  id: row.id,
  ownerId: row.owner_id,
  jobId: row.job_id,
  event: row.event,
  url: row.url,
  state: row.state,
  attempts: row.attempts,
  createdAt: readTime(row.created_at),
  nextAttemptAt: readTimeOrNull(row.next_attempt_at),
  deliveredAt: readTimeOrNull(row.delivered_at),
});

const toAttempt = (row: Selectable<WebhookAttemptTable>): DeliveryAttempt => ({
  attempt: row.attempt,
  at: readTime(row.at),
  durationMs: row.duration_ms,
  error: row.error,
  statusCode: row.status_code,
  location: row.location,
});

function toSecrets(row: Selectable<WebhookSecretTable> & { readonly ageMs: number }): WebhookSecrets {
  const createdAt = readTime(row.created_at);
  if (row.previous === null || row.ageMs >= secretOverlapMs) {
    return { secrets: [row.secret], createdAt, previousUntil: null };
  }
  return {
    secrets: [row.secret, row.previous],
    createdAt,
    previousUntil: new Date(createdAt.getTime() + secretOverlapMs),
  };
}
