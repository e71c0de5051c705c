/** The wait of other owners beside a key with a backlog, counted in claims. */
import { expect, it } from 'vitest';
import { launchAttacked, submit } from './attacked-service.ts';

const backlog = 5_000;
/** The default of WORKERS. */
const slots = 32;
const honestKeys = 10;
const rounds = 5;

// Other owners submit to /jobs. Jobs of /generate come first, because its callers wait.
it.each(['/jobs', '/generate'])(
  'a key with 5,000 jobs from %s delays each single job of ten other keys by at most one turn of the slots',
  async (path) => {
    const service = await launchAttacked({ WORKERS: String(slots) });
    const { url, administrate, execute } = service;
    const abusive = await service.createKey('abusive');
    const honest = await Promise.all(
      Array.from({ length: honestKeys }, async (_, index) => await service.createKey(`honest-${index}`)),
    );
    await administrate('/admin/queue/pause', { method: 'POST' });
    expect((await submit(url, abusive, path)).status).toBe(202);
    // Inserts the rest of the backlog as rows, to save time. The turns of an owner's jobs are consecutive.
    await execute(`
    insert into jobs select (jsonb_populate_record(first, jsonb_build_object('id', gen_random_uuid(), 'turn', turn + nth))).*
    from jobs as first, generate_series(1, ${backlog - 1}) as nth`);
    await administrate('/admin/queue/resume', { method: 'POST' });
    for (let round = 0; round < rounds; round += 1) {
      // Claims between the time of creation of a job and its commit are no delay; a busy machine makes many of them.
      await administrate('/admin/queue/pause', { method: 'POST' });
      const jobs = await Promise.all(
        honest.map(async (authorization) => {
          const { id } = await submit(url, authorization);
          return { id, authorization };
        }),
      );
      await administrate('/admin/queue/resume', { method: 'POST' });
      for (const { id, authorization } of jobs) {
        const answer = await fetch(`${url}/jobs/${id}?wait=60`, { headers: { Authorization: authorization } });
        expect(await answer.json()).toMatchObject({ status: 'succeeded' });
      }
    }
    const [waiting] = await execute(
      `select count(*)::int as jobs from jobs where owner_id = 'abusive' and status = 'queued'`,
    );
    // The backlog outlasted the measurement.
    expect(waiting?.['jobs']).toBeGreaterThan(0);
    // A claim gets its transaction's id when it locks its row. The time of its event is later, after a wait on a busy
    // machine, so it does not tell the order of claims.
    const delays = await execute(`
    select mine.id, count(other.job_id)::int as claims from jobs as mine
    join job_events as claim on claim.job_id = mine.id and claim.type = 'job-claimed'
    left join job_events as other on other.type = 'job-claimed' and other.at > mine.created_at
      and other.xmin::text::bigint < claim.xmin::text::bigint
      and other.job_id in (select id from jobs where owner_id = 'abusive')
    where mine.owner_id like 'honest-%' group by mine.id`);
    expect(delays).toHaveLength(honestKeys * rounds);
    expect(Math.max(...delays.map(({ claims }) => Number(claims)))).toBeLessThanOrEqual(slots);
  },
);
