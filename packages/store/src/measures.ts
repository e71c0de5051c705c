/** Measures of the whole service, from the rows of its jobs. */
import {
  bucketsPerE,
  byEndedStatus,
  type EndedStatus,
  jobStatuses,
  type LevelName,
  type MeasureStore,
  type Tally,
  type TimeCount,
} from '@prosemill/core';
import { type RawBuilder, sql } from 'kysely';
import type { Dialect } from './dialect.ts';
import { readTime } from './rows.ts';
import type { StoredTime } from './schema.ts';
import type { StoreContext } from './store-context.ts';

interface CountRow {
  readonly type: 'accepted' | EndedStatus;
  readonly jobs: number;
  readonly now: StoredTime;
}

/** `kind`: a level, or a type of counts, whose `change` is the count. */
interface TraceRow {
  readonly kind: string;
  readonly second: number;
  readonly change: number;
  readonly weighted: number;
  readonly now: StoredTime;
}

/** For the index of jobs by status and time: there is none by the time alone. */
const anyStatus = sql`status in (${sql.join(jobStatuses.map((status) => sql.lit(status)))})`;

/** The periods of tallies: those of an hour, in a ring. */
const periodMs = 10_000;
const periods = 360;
const tallyColumns = { name: 'text', bucket: 'integer', count: 'integer' } as const;

/**
 * Jobs that ended lately are read by their time alone, and materialized: SQLite, which has no statistics, would rather
 * use the index of a second condition, and read the whole history.
 */
export const createMeasureStore = ({ db, dialect }: StoreContext): MeasureStore => ({
  async countJobs(ms) {
    const since = dialect.ago(ms);
    const { rows } = await sql<CountRow>`
      with ended as materialized (select status from jobs where finished_at >= ${since})
      select 'accepted' as type, count(*) as jobs, ${dialect.now} as now
      from jobs where ${anyStatus} and created_at >= ${since}
      union all
      select status, count(*), ${dialect.now} from ended group by status`.execute(db);
    const countOf = (type: CountRow['type']): number => rows.find((row) => row.type === type)?.jobs ?? 0;
    return { now: readTime(rows[0]?.now ?? 0), accepted: countOf('accepted'), ended: byEndedStatus(countOf) };
  },

  async countTimes({ windows, windowMs }) {
    const { rows } = await sql<TimeCount>`
      with ended as materialized (
        select floor((${dialect.toMs(dialect.now)} - ${ms(dialect, 'finished_at')}) / ${sql.lit(windowMs)}) as nth,
          ${ms(dialect, 'started_at')} - ${ms(dialect, 'created_at')} as queue,
          time_to_first_token_ms as first_token,
          ${ms(dialect, 'finished_at')} - ${ms(dialect, 'created_at')} as total,
          status
        from jobs where finished_at >= ${dialect.ago(windows * windowMs)}
      ),
      times (nth, "time", ms) as (
        select nth, 'queue', queue from ended where status = 'succeeded'
        union all select nth, 'firstToken', first_token from ended where status = 'succeeded' and first_token is not null
        union all select nth, 'total', total from ended where status = 'succeeded'
      )
      select cast(nth as integer) as "window", "time", cast(${bucketOfMs} as integer) as bucket, count(*) as count
      from times group by 1, 2, 3`.execute(db);
    // A row that ended while the statement began is in the latest window.
    return rows.map(({ window, time, bucket, count }) => ({ window: Math.max(0, window), time, bucket, count }));
  },

  async trace({ seconds, tokensPerSecond }) {
    const { rows } = await traceOf(dialect, seconds, tokensPerSecond).execute(db);
    return {
      now: readTime(rows[0]?.now ?? 0),
      changes: rows.filter(isLevel).map(({ kind, second, change, weighted }) => {
        return { level: levels.get(kind) ?? 'running', second, change, weightedChange: weighted };
      }),
      counts: rows
        .filter((row) => !isLevel(row) && row.kind !== 'now')
        .map(({ kind, second, change }) => ({ type: kind as CountRow['type'], second, count: change })),
    };
  },

  async addTallies(tallies) {
    if (tallies.length === 0) return;
    // In one order in all processes, which could otherwise wait for each other's rows.
    const rows = tallies.toSorted((a, b) => a.name.localeCompare(b.name) || a.bucket - b.bucket);
    await sql`
      insert into tallies (name, bucket, slot, period, count)
      select name, bucket, period % ${sql.lit(periods)}, period, count
      from ${dialect.values({ name: 'added', columns: tallyColumns, rows })},
        (select cast(floor(${dialect.toMs(dialect.now)} / ${sql.lit(periodMs)}) as bigint) as period) as clock
      where true
      on conflict (name, bucket, slot) do update set period = excluded.period,
        count = excluded.count + case when tallies.period = excluded.period then tallies.count else 0 end`.execute(db);
  },

  async sumTallies(ms) {
    const { rows } = await sql<Tally>`
      select name, bucket, cast(sum(count) as bigint) as count from tallies
      where period > ${dialect.toMs(dialect.ago(ms))} / ${sql.lit(periodMs)} - 1 group by name, bucket`.execute(db);
    return rows;
  },
});

const isLevel = ({ kind }: TraceRow): boolean => levels.has(kind);

const ms = (dialect: Dialect, column: string): RawBuilder<number> => dialect.toMs(sql.ref(column));

/** A clock that was set back may make a time negative. */
const bucketOfMs = sql`floor(ln(case when ms > 0 then ms else 0 end + 1) * ${sql.lit(bucketsPerE)})`;

/** The levels by their names in SQL. */
const levels: ReadonlyMap<string, LevelName> = new Map<string, LevelName>([
  ['0', 0],
  ['1', 1],
  ['2', 2],
  ['running', 'running'],
  ['tokens', 'tokens'],
]);

/**
 * Each job waits from its submit to its claim, runs from there to its end, and writes in the last part of its run. The
 * beginning of such an interval raises a level, and its end lowers it. What was before the span counts at its
 * beginning.
 */
function traceOf(dialect: Dialect, seconds: number, tokensPerSecond: number) {
  const [created, started, finished] = ['created_at', 'started_at', 'finished_at'].map((column) => ms(dialect, column));
  return sql<TraceRow>`
    with span as materialized (
      select now, ${dialect.toMs(sql.ref('now'))} - ${sql.lit(1_000 * seconds)} as begins from (select ${dialect.now} as now) as clock
    ),
    recent as materialized (
      select status, class, ${created} as created, ${started} as started, ${finished} as finished,
        case when completion_tokens > 0 then completion_tokens end as tokens,
        case when generation_ms - coalesce(time_to_first_token_ms, 0) > 1
          then generation_ms - coalesce(time_to_first_token_ms, 0) else 1 end as writing
      from jobs where finished_at >= ${dialect.ago(1_000 * seconds)}
      union all
      select status, class, ${created}, case when status = 'running' then ${started} end, null, null, null
      from jobs where status in ('queued', 'running')
    ),
    edges (kind, "at", change) as (
      select cast(class as text), created, 1.0 from recent
      union all select cast(class as text), coalesce(started, finished), -1.0 from recent
        where coalesce(started, finished) is not null
      union all select 'running', started, 1.0 from recent where started is not null
      union all select 'running', finished, -1.0 from recent where started is not null and finished is not null
      union all select 'tokens', started, ${tokensPerSecond} from recent where status = 'running'
      union all select 'tokens', finished - writing, 1000.0 * tokens / writing from recent where tokens is not null
      union all select 'tokens', finished, -1000.0 * tokens / writing from recent where tokens is not null
      union all select 'accepted', created, 1.0 from recent, span where created >= begins
      union all select status, finished, 1.0 from recent, span where finished >= begins
    ),
    placed as (
      select kind, change, now, (case when "at" > begins then "at" - begins else 0 end) / 1000.0 as place from edges, span
    )
    select kind, cast(floor(place) as integer) as second, sum(change) as change,
      sum(change * (1 - place + floor(place))) as weighted, max(now) as now
    from placed group by 1, 2
    union all select 'now', 0, 0, 0, now from span`;
}
