/** The migrations in order. The SQL of a released migration never changes. */
import type { Migration } from 'kysely/migration';
import type { Dialect } from '../dialect.ts';
import { createMigration0001 } from './0001-jobs.ts';
import { createMigration0002 } from './0002-idempotency-keys.ts';
import { createMigration0003 } from './0003-api-keys.ts';
import { createMigration0004 } from './0004-job-traceparent.ts';
import { createMigration0005 } from './0005-queue-pause.ts';
import { createMigration0006 } from './0006-job-event-columns.ts';
import { createMigration0007 } from './0007-completion-columns.ts';
import { createMigration0008 } from './0008-completions.ts';
import { createMigration0009 } from './0009-terms-and-texts.ts';
import { createMigration0010 } from './0010-queue-pauser.ts';
import { createMigration0011 } from './0011-job-list-indexes.ts';
import { createMigration0012 } from './0012-machine.ts';
import { createMigration0013 } from './0013-tallies.ts';
import { createMigration0014 } from './0014-purge.ts';
import { createMigration0015 } from './0015-purged-texts.ts';
import { createMigration0016 } from './0016-search.ts';
import { createMigration0017 } from './0017-queued-for-search.ts';
import { createMigration0018 } from './0018-batches.ts';
import { createMigration0019 } from './0019-webhooks.ts';
import { createMigration0020 } from './0020-export-links.ts';
import { createMigration0021 } from './0021-webhook-samples.ts';
import { createMigration0022 } from './0022-waiting-suspects.ts';

export const createMigrations = (dialect: Dialect): Readonly<Record<string, Migration>> => ({
  '0001-jobs': createMigration0001(dialect),
  '0002-idempotency-keys': createMigration0002(dialect),
  '0003-api-keys': createMigration0003(dialect),
  '0004-job-traceparent': createMigration0004(),
  '0005-queue-pause': createMigration0005(dialect),
  '0006-job-event-columns': createMigration0006(dialect),
  '0007-completion-columns': createMigration0007(dialect),
  '0008-completions': createMigration0008(dialect),
  '0009-terms-and-texts': createMigration0009(dialect),
  '0010-queue-pauser': createMigration0010(dialect),
  '0011-job-list-indexes': createMigration0011(dialect),
  '0012-machine': createMigration0012(dialect),
  '0013-tallies': createMigration0013(),
  '0014-purge': createMigration0014(dialect),
  '0015-purged-texts': createMigration0015(dialect),
  '0016-search': createMigration0016(dialect),
  '0017-queued-for-search': createMigration0017(),
  '0018-batches': createMigration0018(dialect),
  '0019-webhooks': createMigration0019(dialect),
  '0020-export-links': createMigration0020(dialect),
  '0021-webhook-samples': createMigration0021(dialect),
  '0022-waiting-suspects': createMigration0022(dialect),
});
