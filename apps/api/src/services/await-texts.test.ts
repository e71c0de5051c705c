import { newJob, silentLogger } from '@prosemill/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CompletionApi, openCompletionApi } from '../routes/v1/test-completions.ts';
import { awaitTexts } from './await-texts.ts';
import { JobFeed } from './job-feed.ts';

describe('a wait for texts', () => {
  let opened: CompletionApi;
  beforeEach(async () => {
    opened = await openCompletionApi();
  });
  afterEach(async () => await opened.close());

  async function submitted(count: number) {
    const jobs = await opened.store.jobs.submitAll(Array.from({ length: count }, () => newJob()));
    const wakeUps = { subscribe: () => () => undefined, isDeaf: () => true };
    const feed = new JobFeed({ jobs: opened.store.jobs, wakeUps, logger: silentLogger, maxPerOwner: 10 });
    feed.start();
    const wait = async (timeoutMs: number) => {
      const { signal } = new AbortController();
      return await awaitTexts(jobs, { feed, isStopping: () => false, timeoutMs, signal });
    };
    return { jobs, feed, wait };
  }

  it('ends with an error that names the job when the time is over, and the job goes on', async () => {
    const { jobs, feed, wait } = await submitted(2);
    await expect(wait(10)).rejects.toThrow(
      expect.objectContaining({
        code: 'deadline_exceeded',
        details: { job_id: jobs[0]?.id, timings: expect.objectContaining({ queue_ms: null }) as unknown },
      }),
    );
    expect(feed.count).toBe(0);
    expect(await opened.queued()).toBe(2);
    await feed.stop();
  });

  it('is refused when its owner has too many watchers by now, and the jobs go on', async () => {
    const { jobs, feed, wait } = await submitted(11);
    await expect(wait(60_000)).rejects.toThrow(
      expect.objectContaining({ code: 'rate_limited', details: { job_id: jobs[0]?.id } }),
    );
    expect(feed.count).toBe(0);
    expect(await opened.queued()).toBe(11);
    await feed.stop();
  });

  it('leaves no watcher behind when one of several jobs fails', async () => {
    const { jobs, feed, wait } = await submitted(2);
    const waiting = wait(60_000);
    await opened.store.jobs.requestCancel(jobs[1]?.ownerId ?? '', jobs[1]?.id ?? '');
    await expect(waiting).rejects.toThrow(expect.objectContaining({ code: 'job_canceled' }));
    await expect.poll(() => feed.count).toBe(0);
    await feed.stop();
  });
});
