/** Finished texts. */
import type { GenerationStore } from '@prosemill/core';
import { sql } from 'kysely';
import { readPage } from './read-page.ts';
import { toExportedText, toGenerationRecord } from './rows.ts';
import { findJobs } from './search/find-jobs.ts';
import { isRecent } from './search/is-recent.ts';
import type { StoreContext } from './store-context.ts';

/** Texts at the start of the list that an export looks at for a page, before it collects all matches. */
const recentTexts = 10_000;

/** The job of a record is to be stored. The others are few, because they are purged soon after their end. */
const isStored = sql<boolean>`job_id not in (
  select id from jobs where is_stored = 0 and finished_at is not null and purged_at is null
)`;

export const createGenerationStore = (context: StoreContext): GenerationStore => {
  const { db, dialect } = context;
  return {
    async list({ ownerId, after, limit }) {
      const records = db.selectFrom('generation_records').selectAll().where('owner_id', '=', ownerId).where(isStored);
      return await readPage(records, {
        dialect,
        table: 'generation_records',
        after,
        limit,
        toItem: toGenerationRecord,
      });
    },

    async find(ownerId, id) {
      const row = await db
        .selectFrom('generation_records')
        .selectAll()
        .where('id', '=', id)
        .where('owner_id', '=', ownerId)
        .where(isStored)
        .executeTakeFirst();
      return row === undefined ? null : toGenerationRecord(row);
    },

    async listForExport({ after, limit, ...filter }) {
      const { ownerId, createdAfter, createdBefore } = filter;
      const columns = { id: sql`generation_records.job_id`, ownerId: sql`generation_records.owner_id` };
      const found = await findJobs(context, filter, columns);
      let texts = db
        .selectFrom('generation_records')
        .innerJoin('jobs', 'jobs.id', 'generation_records.job_id')
        .selectAll('generation_records')
        .select(['jobs.seed', 'jobs.metadata', 'jobs.finish_reason', 'jobs.prompt_tokens', 'jobs.completion_tokens'])
        .where(isStored);
      const createdAt = 'generation_records.created_at';
      if (createdAfter !== undefined) texts = texts.where(createdAt, '>=', dialect.writeTime(createdAfter));
      if (createdBefore !== undefined) texts = texts.where(createdAt, '<', dialect.writeTime(createdBefore));
      const options = { dialect, table: 'generation_records', after, limit, toItem: toExportedText } as const;
      const isOwn = sql<boolean>`${columns.ownerId} = ${ownerId}`;
      if (found === null) return await readPage(texts.where(isOwn), options);
      if (!found.areFew) {
        const start = isRecent({
          dialect,
          createdAt: sql.ref(createdAt),
          rows: sql`generation_records where ${isOwn}`,
          end: after?.createdAt ?? createdBefore,
          count: recentTexts,
        });
        const page = await readPage(texts.where(found.inOrder).where(start), options);
        if (page.hasMore) return page;
      }
      return await readPage(texts.where(found.byTerms), options);
    },
  };
};
