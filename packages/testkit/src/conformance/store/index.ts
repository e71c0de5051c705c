/** Conformance suite for the port `Store`. */
import { describeApiKeys } from './api-keys.ts';
import { describeBatches } from './batches.ts';
import { describeClaims } from './claims.ts';
import { describeExportLinks } from './export-links.ts';
import { describeHistories } from './histories.ts';
import { describeIdempotency } from './idempotency.ts';
import { describeMeasures } from './measures.ts';
import { describeOutcomes } from './outcomes.ts';
import { describePurges } from './purges.ts';
import { describeReads } from './reads.ts';
import { describeSearches } from './searches.ts';
import type { OpenSession } from './session.ts';
import { describeTexts } from './texts.ts';
import { describeWebhooks } from './webhooks.ts';

/** @param open  Opens a store with `retentionDays` on an empty database of its own; called for each test. */
export function describeStoreConformance(name: string, open: OpenSession): void {
  describeReads(name, open);
  describeApiKeys(name, open);
  describeBatches(name, open);
  describeClaims(name, open);
  describeExportLinks(name, open);
  describeIdempotency(name, open);
  describeOutcomes(name, open);
  describePurges(name, open);
  describeSearches(name, open);
  describeTexts(name, open);
  describeMeasures(name, open);
  describeWebhooks(name, open);
  describeHistories(name, open);
}

export { retentionDays } from './purges.ts';
export type { StoreSession } from './session.ts';
