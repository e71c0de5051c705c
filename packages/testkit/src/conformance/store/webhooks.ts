/** Webhooks: each end of a job makes its delivery, which waits until its receiver has it. */
import {
  type ClaimedDelivery,
  type DeliveryOutcome,
  deliveryRetryMs,
  type DueQuery,
  type NewJob,
  newId,
  type Outcome,
  secretOverlapMs,
  type Webhook,
  type WebhookEvent,
  webhookEvents,
} from '@prosemill/core';
import { describe, expect, it } from 'vitest';
import { claimSome, newJob, type OpenSession, part, sessionPerTest, succeeded } from './session.ts';

const webhook: Webhook = { url: 'https://hooks.example/a?b=c', events: webhookEvents };
const limits = { all: 100, perHost: 10, further: 50 } as const;
const answeringHosts = new Set(['hooks.example', 'dead:8080', 'alive:8080']);
const due: DueQuery = { leaseMs: 60_000, limit: 10, limits, underWay: [], answeringHosts };
const entry = { error: null, statusCode: 204, location: null, durationMs: 12.5 } as const;
const accepted: DeliveryOutcome = { ...entry, retryAfterMs: null };
const refused: DeliveryOutcome = { ...accepted, error: 'bad_status', statusCode: 500, durationMs: 1 };
const failed: Outcome = { type: 'failed', error: { code: 'generation_failed', message: 'x' }, partial: null };
const hourMs = 3_600_000;

const placesOf = (claims: readonly ClaimedDelivery[]) => claims.map(({ host, ownerId }) => `${host} ${ownerId}`);

export function describeWebhooks(name: string, open: OpenSession): void {
  describe(`webhooks on ${name}`, () => {
    const session = sessionPerTest(open);
    const submit = async (overrides: Partial<NewJob> = {}) =>
      await session.store.jobs.submit(newJob({ webhook, ...overrides }));
    const claimDue = async (changes: Partial<DueQuery> = {}) =>
      await session.store.webhooks.claimDue({ ...due, ...changes });
    const listOf = async (jobId: string, ownerId = 'local') => await session.store.webhooks.listOfJob(ownerId, jobId);
    /** @returns the one delivery that is due */
    async function claimOne(): Promise<ClaimedDelivery> {
      const [delivery, ...others] = await claimDue();
      if (delivery === undefined || others.length > 0) throw new Error('Not one delivery is due.');
      return delivery;
    }
    /** Ends a new job whose receiver is at this host. */
    const endAt = async (host: string, ownerId: string) => {
      const job = await submit({ ownerId, webhook: { ...webhook, url: `http://${host}:8080/` } });
      await session.store.jobs.requestCancel(ownerId, job.id);
    };
    /** Ends a new job, and claims its delivery. */
    async function deliver(overrides: Partial<NewJob> = {}) {
      const job = await submit(overrides);
      await session.store.jobs.requestCancel(job.ownerId, job.id);
      return await claimOne();
    }

    const ends: readonly (readonly [WebhookEvent, () => Promise<string>])[] = [
      ['job.succeeded', async () => await endAs(succeeded)],
      ['job.failed', async () => await endAs(failed)],
      [
        'job.canceled',
        async () => {
          const { id } = await submit();
          await session.store.jobs.requestCancel('local', id);
          return id;
        },
      ],
      [
        'job.expired',
        async () => {
          const { id } = await submit({ deadlineMs: 1_000 });
          await session.travel(2_000);
          await session.store.jobs.expireJobs(10);
          return id;
        },
      ],
    ];
    async function endAs(outcome: Outcome): Promise<string> {
      await submit();
      const { key } = await claimSome(session.store);
      await session.store.jobs.complete(key, outcome);
      return key.id;
    }

    it.each(ends)('tell %s', async (event, end) => {
      const jobId = await end();
      const delivery = await claimOne();
      expect(delivery).toMatchObject({
        jobId,
        ownerId: 'local',
        event,
        url: webhook.url,
        host: 'hooks.example',
        attempt: 1,
      });
      expect(await listOf(jobId)).toMatchObject([{ id: delivery.id, event, state: 'pending', attempts: 1, log: [] }]);
    });

    it('tell the end of a running job that is canceled, and of one that crashed too often', async () => {
      const job = await submit();
      const { key } = await claimSome(session.store);
      await session.store.jobs.requestCancel('local', job.id);
      expect(await listOf(job.id)).toEqual([]);
      await session.store.jobs.complete(key, { type: 'canceled', partial: part });
      expect((await claimOne()).event).toBe('job.canceled');
      const { id } = await submit();
      for (let crash = 1; crash <= 3; crash += 1) {
        const claimed = await claimSome(session.store);
        await session.travel(crash * 2 * hourMs);
        expect(await session.store.jobs.rescueLostJobs(10)).toEqual([claimed.job.id]);
      }
      expect(await listOf(id)).toMatchObject([{ event: 'job.failed', state: 'pending' }]);
    });

    it('tell the ends of the jobs of a batch', async () => {
      const batchId = newId();
      const jobs = ['a', 'b'].map((customId) => newJob({ webhook, batchId, customId }));
      await session.store.batches.submit({ id: batchId, ownerId: 'local', jobs });
      await session.store.batches.requestCancel('local', batchId);
      expect(new Set((await claimDue()).map(({ jobId }) => jobId))).toEqual(new Set(jobs.map(({ id }) => id)));
    });

    it('tell nothing of other ends, of jobs without a receiver, and of jobs that go on', async () => {
      await submit({ webhook: { ...webhook, events: ['job.failed'] } });
      await session.store.jobs.complete((await claimSome(session.store)).key, succeeded);
      await submit({ webhook: null });
      await session.store.jobs.complete((await claimSome(session.store)).key, succeeded);
      await submit();
      await session.store.jobs.complete((await claimSome(session.store)).key, { type: 'released' });
      expect(await claimDue()).toEqual([]);
    });

    it('are shown with their jobs, and read again', async () => {
      const job = await submit({ webhook: { ...webhook, events: ['job.failed'] } });
      expect(job.webhook).toEqual({ url: webhook.url, events: ['job.failed'] });
      expect((await session.store.jobs.find('local', job.id))?.webhook).toEqual(job.webhook);
      expect((await submit({ webhook: null })).webhook).toBeNull();
    });

    it('have one delivery for each end, however many workers report it', async () => {
      const job = await submit();
      const { key } = await claimSome(session.store);
      const stores = [session.store, ...session.others, session.store];
      await Promise.all(stores.map(async ({ jobs }) => await jobs.complete(key, succeeded)));
      expect(await listOf(job.id)).toHaveLength(1);
    });

    it('end with an answer of the receiver', async () => {
      const delivery = await deliver();
      expect(await session.store.webhooks.record(delivery, accepted)).toBe('delivered');
      expect(await listOf(delivery.jobId)).toMatchObject([
        {
          state: 'delivered',
          nextAttemptAt: null,
          deliveredAt: expect.any(Date),
          log: [{ attempt: 1, at: expect.any(Date), ...entry }],
        },
      ]);
      await session.travel(48 * hourMs);
      expect(await claimDue()).toEqual([]);
      expect(await session.store.webhooks.record(delivery, refused)).toBeNull();
    });

    it('are tried again for about a day', async () => {
      let delivery = await deliver();
      let [passedMs, failures] = [0, 1];
      for (; ; failures += 1) {
        const state = await session.store.webhooks.record(delivery, refused);
        const pauseMs = deliveryRetryMs(failures, null, 0.5);
        if (pauseMs === null) {
          expect(state).toBe('failed');
          break;
        }
        expect(state).toBe('failing');
        await session.travel(passedMs + 0.85 * pauseMs);
        expect(await claimDue()).toEqual([]);
        passedMs += 1.15 * pauseMs + 1_000;
        await session.travel(passedMs);
        delivery = await claimOne();
        expect(delivery.attempt).toBe(failures + 1);
      }
      expect([failures, Math.round(passedMs / hourMs)]).toEqual([8, 27]);
      await session.travel(passedMs + 100 * hourMs);
      expect(await claimDue()).toEqual([]);
      const [logged] = await listOf(delivery.jobId);
      expect(logged).toMatchObject({ state: 'failed', nextAttemptAt: null, deliveredAt: null });
      expect(logged?.log.map(({ attempt, error }) => [attempt, error])).toEqual(
        Array.from({ length: 8 }, (_, index) => [index + 1, 'bad_status']),
      );
    });

    it('are not tried again before the time that the receiver asks for', async () => {
      const delivery = await deliver();
      await session.store.webhooks.record(delivery, { ...refused, retryAfterMs: hourMs });
      await session.travel(hourMs - 10_000);
      expect(await claimDue()).toEqual([]);
      await session.travel(1.1 * hourMs + 10_000);
      expect((await claimOne()).attempt).toBe(2);
    });

    it('are given up for a receiver that is gone', async () => {
      const delivery = await deliver();
      expect(await session.store.webhooks.record(delivery, { ...refused, error: 'gone', statusCode: 410 })).toBe(
        'failed',
      );
    });

    it('belong to one process until its lease is over, and its late outcome is only logged', async () => {
      const delivery = await deliver();
      await session.travel(due.leaseMs - 5_000);
      expect(await claimDue()).toEqual([]);
      await session.travel(due.leaseMs + 5_000);
      const again = await claimOne();
      expect([again.id, again.attempt]).toEqual([delivery.id, 2]);
      expect(await session.store.webhooks.record(delivery, refused)).toBeNull();
      expect(await session.store.webhooks.record(again, accepted)).toBe('delivered');
      expect((await listOf(delivery.jobId))[0]?.log.map(({ attempt }) => attempt)).toEqual([1, 2]);
    });

    it('are claimed once, by whichever process', async () => {
      for (let count = 0; count < 20; count += 1) await session.store.jobs.requestCancel('local', (await submit()).id);
      const stores = [session.store, ...session.others, session.store];
      const claims = await Promise.all(stores.map(async ({ webhooks }) => await webhooks.claimDue(due)));
      const ids = [...claims.flat(), ...(await claimDue({ limit: 20, limits: { ...limits, perHost: 20 } }))].map(
        ({ id }) => id,
      );
      expect([ids.length, new Set(ids).size]).toEqual([20, 20]);
    });

    it('leave room for other hosts and other owners', async () => {
      for (let count = 0; count < 5; count += 1) await endAt('dead', 'ann');
      await endAt('alive', 'ann');
      await endAt('dead', 'bob');
      const two = { ...limits, perHost: 2 };
      const first = await claimDue({ limit: 5, limits: two });
      expect(placesOf(first)).toEqual(['dead:8080 ann', 'dead:8080 ann']);
      const second = await claimDue({ limit: 5, limits: two, underWay: first });
      expect(placesOf(second)).toEqual(['alive:8080 ann']);
      const third = await claimDue({ limits: { ...limits, all: 6 }, underWay: [...first, ...second] });
      expect(placesOf(third)).toEqual(['dead:8080 bob']);
      const underWay = [...first, ...second, ...third];
      expect(await claimDue({ limits: { ...limits, perHost: 3 }, underWay })).toEqual([]);
    });

    it('leave a place to each host, however many others are slow or have not answered', async () => {
      for (const host of ['silent', 'slow']) for (let count = 0; count < 3; count += 1) await endAt(host, 'ann');
      await endAt('new', 'ann');
      const places = { limits: { ...limits, further: 1 }, answeringHosts: new Set(['slow:8080']) };
      const first = await claimDue(places);
      expect(placesOf(first)).toEqual(['silent:8080 ann', 'slow:8080 ann', 'slow:8080 ann', 'new:8080 ann']);
      expect(await claimDue({ ...places, underWay: first })).toEqual([]);
    });

    it('leave places to the hosts of an owner that answer, however many of its others do not', async () => {
      for (let count = 1; count <= 5; count += 1) await endAt(`new${count}`, 'ann');
      await endAt('alive', 'ann');
      await endAt('new6', 'bob');
      const places = { limits: { ...limits, all: 8 }, limit: 3 };
      const first = await claimDue(places);
      expect(placesOf(first)).toEqual(['new1:8080 ann', 'new2:8080 ann', 'new3:8080 ann']);
      const second = await claimDue({ ...places, limit: 1, underWay: first });
      expect(placesOf(second)).toEqual(['alive:8080 ann']);
      const none = { ...places, underWay: [...first, ...second], answeringHosts: new Set<string>() };
      expect(placesOf(await claimDue(none))).toEqual(['new6:8080 bob']);
    });

    it('are left out when they have been due for longer than asked for', async () => {
      await endAt('old', 'ann');
      await session.travel(hourMs);
      await endAt('new', 'ann');
      expect(placesOf(await claimDue({ maxDueMs: hourMs / 2 }))).toEqual(['new:8080 ann']);
      expect(placesOf(await claimDue({ maxDueMs: 2 * hourMs }))).toEqual(['old:8080 ann']);
    });

    it('are sent again with the same id and the whole schedule', async () => {
      const delivery = await deliver();
      await session.store.webhooks.record(delivery, accepted);
      const { webhooks } = session.store;
      const place = { ownerId: 'local', jobId: delivery.jobId, id: delivery.id };
      const strangers = [{ ownerId: 'other' }, { jobId: newId() }, { id: newId() }];
      for (const other of strangers) expect(await webhooks.redeliver({ ...place, ...other })).toBe(false);
      expect(await claimDue()).toEqual([]);
      expect(await webhooks.redeliver(place)).toBe(true);
      expect(await listOf(delivery.jobId)).toMatchObject([{ state: 'pending', deliveredAt: null }]);
      const again = await claimOne();
      expect([again.id, again.attempt]).toEqual([delivery.id, 2]);
      // Once more, during this attempt.
      expect(await webhooks.redeliver(place)).toBe(true);
      const last = await claimOne();
      expect(await webhooks.record(again, accepted)).toBeNull();
      expect(await webhooks.record(last, refused)).toBe('failing');
      const [logged] = await listOf(delivery.jobId);
      expect(logged?.log.map(({ attempt, error }) => [attempt, error])).toEqual([
        [1, null],
        [2, null],
        [3, 'bad_status'],
      ]);
    });

    it('are listed for their owner, and for operators by state', async () => {
      const [sent, failing] = [await deliver(), await deliver({ ownerId: 'other' })];
      await session.store.webhooks.record(sent, accepted);
      await session.store.webhooks.record(failing, refused);
      const pending = await submit();
      await session.store.jobs.requestCancel('local', pending.id);
      expect(await listOf(sent.jobId, 'other')).toEqual([]);
      const list = async (states?: readonly ('pending' | 'failing' | 'delivered' | 'failed')[]) =>
        (await session.store.webhooks.list({ states, after: null, limit: 10 })).items;
      expect(new Set((await list()).map(({ jobId }) => jobId))).toEqual(
        new Set([sent.jobId, failing.jobId, pending.id]),
      );
      expect(await list(['failing'])).toMatchObject([
        {
          id: failing.id,
          ownerId: 'other',
          host: 'hooks.example',
          last: { attempt: 1, error: 'bad_status', statusCode: 500 },
        },
      ]);
      expect(await list(['pending'])).toMatchObject([{ jobId: pending.id, last: null }]);
      expect(await session.store.webhooks.countOpen()).toEqual({ pending: 1, failing: 1 });
      const first = await session.store.webhooks.list({ states: undefined, after: null, limit: 2 });
      const rest = await session.store.webhooks.list({ states: undefined, after: first.items[1] ?? null, limit: 2 });
      expect([first.hasMore, rest.hasMore, rest.items.length]).toEqual([true, false, 1]);
    });

    it('hold no text', async () => {
      const delivery = await deliver({ prompt: 'wombats dream' });
      await session.store.webhooks.record(delivery, refused);
      for (const table of ['webhook_deliveries', 'webhook_attempts']) {
        expect(JSON.stringify(await session.execute(`select * from ${table}`))).not.toContain('wombat');
      }
    });

    it('lose the URLs of their receivers with the job, or with their last attempt if that is later', async () => {
      const location = 'https://hooks.example/secret';
      const ended = await deliver();
      await session.store.webhooks.record(ended, { ...refused, error: 'gone', location });
      const late = await deliver();
      for (const { jobId } of [ended, late]) expect(await session.store.jobs.purge('local', jobId)).toBe('purged');
      expect(await listOf(ended.jobId)).toMatchObject([{ url: '', state: 'failed', log: [{ location: null }] }]);
      expect(await listOf(late.jobId)).toMatchObject([{ url: webhook.url }]);
      expect(await session.store.webhooks.record(late, { ...accepted, location })).toBe('delivered');
      expect(await listOf(late.jobId)).toMatchObject([{ url: '', log: [{ location: null }] }]);
      const place = { ownerId: 'local', jobId: late.jobId, id: late.id };
      expect(await session.store.webhooks.redeliver(place)).toBe(false);
    });

    it('have a secret for each owner, which signs for a day after it was replaced', async () => {
      const { webhooks } = session.store;
      const first = await webhooks.findSecrets('ann', 'whsec_1');
      expect(first).toMatchObject({ secrets: ['whsec_1'], previousUntil: null });
      expect(await webhooks.findSecrets('ann', 'whsec_x')).toEqual(first);
      expect((await webhooks.findSecrets('bob', 'whsec_b')).secrets).toEqual(['whsec_b']);
      const second = await webhooks.rotateSecret('ann', 'whsec_2');
      expect(second.secrets).toEqual(['whsec_2', 'whsec_1']);
      expect(Number(second.previousUntil) - Number(second.createdAt)).toBe(secretOverlapMs);
      expect((await webhooks.rotateSecret('bob', 'whsec_c')).secrets).toEqual(['whsec_c', 'whsec_b']);
      expect((await webhooks.rotateSecret('bob', 'whsec_d')).secrets).toEqual(['whsec_d', 'whsec_c']);
      await session.travel(secretOverlapMs - hourMs);
      expect((await session.store.webhooks.findSecrets('ann', 'x')).secrets).toEqual(['whsec_2', 'whsec_1']);
      await session.travel(secretOverlapMs + hourMs);
      expect(await session.store.webhooks.findSecrets('ann', 'x')).toMatchObject({
        secrets: ['whsec_2'],
        previousUntil: null,
      });
      expect((await session.store.webhooks.rotateSecret('eve', 'whsec_e')).secrets).toEqual(['whsec_e']);
      const both = [session.store, ...session.others];
      const fresh = both.map(async ({ webhooks: each }, index) => await each.findSecrets('new', `whsec_n${index}`));
      expect(new Set((await Promise.all(fresh)).map(({ secrets }) => secrets[0])).size).toBe(1);
    });
  });
}
