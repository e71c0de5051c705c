/** The checker finds a seeded bug of the API; those of the store are found in packages/testkit/src/mutants. */
import { mutantEnvironment } from '@prosemill/testkit';
import { expect, it } from 'vitest';
import { clientOf, launch } from './fault-test.ts';
import { shortText } from './load-client.ts';

it.each([
  { mutant: null, found: [], tries: 1 },
  // A reconciler that sends the hint before the API does ends the job too early to show the bug.
  { mutant: 'waiter-registered-after-read' as const, found: ['I6'], tries: 8 },
])(
  'a client that waits on a slow database is answered in time, unless the API has the bug: $mutant',
  async ({ mutant, found, tries }) => {
    const cluster = await launch({ apis: 0, workers: 0, limits: { answerWithinMs: 4_000 } });
    // The job ends while the API still reads it for the first time.
    await cluster.startWorker({ environment: { DATABASE_URL: cluster.postgres.url } });
    await cluster.startApi({ environment: mutant === null ? {} : mutantEnvironment(mutant) });
    cluster.databaseProxy.setLatency({ toServerMs: 0, toClientMs: 1_000 });
    const client = clientOf(cluster);
    for (let times = 0; times < tries; times += 1) {
      const request = { ...shortText, max_new_tokens: 5 };
      const { status } = await client.submit({ path: '/generate', waitSeconds: 10, request });
      if (status !== 200) break;
    }
    const violations = await cluster.verdict();
    expect([...new Set(violations.map(({ invariant }) => invariant))]).toEqual(found);
  },
);
