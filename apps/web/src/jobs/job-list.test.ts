import { isDeepStrictEqual } from 'node:util';
import type { JobFilters, PageOptions } from '@prosemill/client';
import type { JobBody } from '@prosemill/contract';
import { effect } from '@preact/signals';
import { describe, expect, it } from 'vitest';
import type { Answer } from '../api.ts';
import { testJob as anyJob } from '../test-job.ts';
import { noAnswer } from '../test-problem.ts';
import { JobList, type JobSource } from './job-list.ts';

/** An ended job. Its age follows its id: `b` is newer than `a`. */
const testJob = (fields: Partial<JobBody>): JobBody =>
  anyJob({
    status: 'succeeded',
    created_at: new Date(Date.UTC(2026, 10, 29) + (fields.id?.codePointAt(0) ?? 0)).toISOString(),
    ...fields,
  });

/** A service with these jobs, newest first, in pages of two. */
class TestService implements JobSource {
  jobs: readonly JobBody[] = [];
  isAway = false;
  readonly asked: string[] = [];

  async listJobs(_: JobFilters, { cursor, known }: PageOptions<JobBody>) {
    this.asked.push(cursor == null ? 'newest' : `after ${cursor}`);
    const first = cursor == null ? 0 : 1 + this.jobs.findIndex(({ id }) => id === cursor);
    const data = this.jobs.slice(first, first + 2);
    const hasMore = first + 2 < this.jobs.length;
    const page = { data: [...data], has_more: hasMore, next_cursor: hasMore ? (data.at(-1)?.id ?? null) : null };
    return this.#answer(known != null && isDeepStrictEqual(page, known) ? known : page);
  }

  async getJob(id: string) {
    this.asked.push(id);
    return this.#answer(this.#find(id));
  }

  async cancelJob(id: string) {
    this.change({ ...this.#find(id), status: 'canceled' });
    return this.#answer(this.#find(id));
  }

  async retryJob(id: string) {
    const repeated = testJob({ ...this.#find(id), id: `${id}-again`, retry_of: id, status: 'queued' });
    this.jobs = [repeated, ...this.jobs];
    return this.#answer(repeated);
  }

  async deleteJob(id: string) {
    if (!this.isAway) this.jobs = this.jobs.filter((job) => job.id !== id);
    return this.#answer(undefined);
  }

  change(job: JobBody): void {
    this.jobs = this.jobs.map((each) => (each.id === job.id ? job : each));
  }

  #find(id: string): JobBody {
    return this.jobs.find((job) => job.id === id) ?? testJob({ id });
  }

  #answer<Body>(body: Body): Answer<Body> {
    return this.isAway ? { ok: false, problem: noAnswer } : { ok: true, body };
  }
}

async function setup(...jobs: readonly Partial<JobBody>[]) {
  const service = new TestService();
  service.jobs = jobs.map((job) => testJob(job));
  const list = new JobList({}, service);
  await list.refresh();
  service.asked.length = 0;
  return { service, list };
}

const statusOf = (list: JobList, id: string) => list.jobOf(id)?.value.status;

describe('a refresh', () => {
  it('changes rows without a change of the list', async () => {
    const { service, list } = await setup({ id: 'b', status: 'running' }, { id: 'a' });
    let draws = 0;
    effect(() => {
      void list.ids.value;
      draws += 1;
    });
    service.change(testJob({ id: 'b', status: 'succeeded' }));
    await list.refresh();

    expect(statusOf(list, 'b')).toBe('succeeded');
    expect(draws).toBe(1);
  });

  it('asks in turn for jobs that have not ended and are not on the newest page', async () => {
    const { service, list } = await setup(
      { id: 'h' },
      { id: 'g' },
      ...['f', 'e', 'd', 'c', 'b', 'a'].map((id) => ({ id, status: 'running' as const })),
    );
    for (let page = 0; page < 3; page += 1) await list.loadOlder();
    service.asked.length = 0;
    await list.refresh();
    await list.refresh();

    expect(service.asked).toEqual(['newest', 'f', 'e', 'd', 'c', 'newest', 'b', 'a']);
  });

  it('keeps the rows while the service is away, and says so', async () => {
    const { service, list } = await setup({ id: 'a' });
    service.isAway = true;
    await list.refresh();

    expect(list.ids.value).toEqual(['a']);
    expect(list.problem.value?.code).toBe('no_answer');
    service.isAway = false;
    await list.refresh();
    expect(list.problem.value).toBeNull();
  });

  it('lets new jobs wait until the reader asks for them', async () => {
    const { service, list } = await setup({ id: 'a' });
    service.jobs = [testJob({ id: 'b' }), ...service.jobs];
    await list.refresh();
    expect([list.ids.value, list.freshCount.value]).toEqual([['a'], 1]);

    await list.showFresh();
    expect([list.ids.value, list.freshCount.value]).toEqual([['b', 'a'], 0]);
  });

  it('begins anew when more jobs came than a page has', async () => {
    const { service, list } = await setup({ id: 'a' });
    service.jobs = [...['d', 'c', 'b'].map((id) => testJob({ id })), ...service.jobs];
    await list.refresh();
    expect(list.isBroken.value).toBe(true);

    await list.showFresh();
    expect([list.ids.value, list.hasOlder.value, list.isBroken.value]).toEqual([['d', 'c'], true, false]);
  });
});

describe('actions', () => {
  it('cancel jobs, and show it at once', async () => {
    const { list } = await setup({ id: 'b', status: 'running' }, { id: 'a', status: 'queued' });

    expect(await list.cancel(['b', 'a'])).toBeNull();
    expect([statusOf(list, 'b'), statusOf(list, 'a')]).toEqual(['canceled', 'canceled']);
  });

  it('repeat a job, and bring the new one into the list', async () => {
    const { list } = await setup({ id: 'a' });

    expect(await list.repeat('a')).toBeNull();
    expect(list.ids.value).toContain('a-again');
  });

  it('delete jobs, whose rows do not come again', async () => {
    const { service, list } = await setup({ id: 'c' }, { id: 'b' });

    expect(await list.delete(['b'])).toBeNull();
    expect(list.ids.value).toEqual(['c']);
    await list.refresh();
    expect(list.ids.value).toEqual(['c']);

    service.isAway = true;
    expect((await list.delete(['c']))?.code).toBe('no_answer');
    expect(list.ids.value).toEqual(['c']);
  });

  it('tell the problem that stood in the way', async () => {
    const { service, list } = await setup({ id: 'a', status: 'running' });
    service.isAway = true;

    expect((await list.cancel(['a']))?.code).toBe('no_answer');
    expect(statusOf(list, 'a')).toBe('running');
  });
});
