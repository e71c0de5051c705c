/** The texts of watched jobs while they run. */
import { type TextPiece, type TextStore, unitsOf } from '@prosemill/core';
import { sql } from 'kysely';
import { withAnswerLimit } from './answer-limit.ts';
import { storableText } from './rows.ts';
import type { StoreContext } from './store-context.ts';

const claimColumns = { id: 'id', attempt: 'integer' } as const;
const cursorColumns = { ...claimColumns, offset: 'integer' } as const;
const pieceColumns = { ...cursorColumns, text: 'text', tokens: 'integer' } as const;

/** A time limit that finds a dead connection while the text is still of interest. */
const answerMs = 2_000;

/** A piece as stored, with the offset that its reader has reached; null in a later attempt than the reader's. */
interface PieceRow extends TextPiece {
  readonly known: number | null;
}

export const createTextStore = ({ db, dialect }: StoreContext): TextStore => ({
  async watch(ids) {
    if (ids.length === 0) return [];
    const rows = await db
      .updateTable('jobs')
      .set({ watched_at: dialect.now })
      .where('id', 'in', ids)
      .where('status', 'in', ['queued', 'running'])
      .where('watched_at', 'is', null)
      .returning('id')
      .execute();
    return rows.map(({ id }) => id);
  },

  async listWatched(ids) {
    if (ids.length === 0) return [];
    const rows = await db
      .selectFrom('jobs')
      .select('id')
      .where('id', 'in', ids)
      .where('watched_at', 'is not', null)
      .execute();
    return rows.map(({ id }) => id);
  },

  // The guard takes no lock on the jobs, since locks would cost every append a write for each job. An append that
  // overlaps the end of an attempt leaves pieces to the sweep.
  async append(pieces) {
    if (pieces.length === 0) return;
    const rows = pieces.map((piece) => ({ ...piece, text: storableText(piece.text) }));
    const append = sql`
      insert into job_text (job_id, attempt, "offset", text, tokens)
      select id, attempt, "offset", text, tokens
      from ${dialect.values({ name: 'piece', columns: pieceColumns, rows })}
      where exists (
        select 1 from jobs where jobs.id = piece.id and jobs.attempt = piece.attempt
          and status = 'running' and watched_at is not null
      )
      on conflict (job_id, attempt, "offset") do update set text = excluded.text, tokens = excluded.tokens
        where length(excluded.text) > length(job_text.text)`;
    await withAnswerLimit(
      answerMs,
      async () => await dialect.lostWithProcess(db, async (connection) => await append.execute(connection)),
    );
  },

  async read(cursors) {
    if (cursors.length === 0) return [];
    const wanted = dialect.values({ name: 'wanted', columns: cursorColumns, rows: cursors });
    // The piece that holds a cursor is found in the index, and the pieces before it are not read.
    const read = sql<PieceRow>`
      with cursors as materialized (
        select id, attempt, "offset", coalesce((
          select max(job_text."offset") from job_text
          where job_id = wanted.id and job_text.attempt = wanted.attempt and job_text."offset" <= wanted."offset"
        ), 0) as first_offset
        from ${wanted}
      )
      select cursors.id, job_text.attempt, job_text."offset", text, tokens,
        case when job_text.attempt = cursors.attempt then cursors."offset" end as known
      from cursors
      join job_text on job_id = cursors.id and (job_text.attempt, job_text."offset") >= (cursors.attempt, first_offset)
      order by job_id, job_text.attempt, job_text."offset"`;
    const { rows } = await withAnswerLimit(answerMs, async () => await read.execute(db));
    return rows.flatMap(unknownPartOf);
  },

  async sweep(limit) {
    const { numAffectedRows } = await sql`
      with running as materialized (
        select id, attempt from jobs where status = 'running' and watched_at is not null
      )
      delete from job_text where (job_id, attempt, "offset") in (
        select job_id, attempt, "offset" from job_text as piece
        where (job_id, attempt) not in (select id, attempt from running) limit ${limit}
      )`.execute(db);
    return Number(numAffectedRows ?? 0);
  },
});

/** The part of a piece after the reader's place; no piece when there is none. */
function unknownPartOf({ known, offset, text, ...piece }: PieceRow): readonly TextPiece[] {
  if (known === null || known <= offset) return [{ ...piece, offset, text }];
  const rest = text.slice(unitsOf(text, known - offset));
  return rest === '' ? [] : [{ ...piece, offset: known, text: rest }];
}
