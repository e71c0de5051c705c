/** The rights in docs/redis.md are sufficient: an API and a worker with these rights are never refused. */
import { readFile } from 'node:fs/promises';
import { createClient } from '@prosemill/client';
import { expect, it } from 'vitest';
import { clientOf, expectAllSucceeded, expectNoViolation, launch } from './faults/fault-test.ts';
import { longText } from './faults/load-client.ts';
import { createOwner, withKeys } from './faults/owners.ts';
import { redisCommand } from './faults/redis-command.ts';
import { until } from './faults/until.ts';

it('the service works with the rights in the documents', async () => {
  const document = await readFile(new URL('../docs/redis.md', import.meta.url), 'utf8');
  const rules = document.match(/^ACL SETUSER .*$/gm) ?? [];
  expect(rules).toHaveLength(2);
  const cluster = await launch({
    apis: 0,
    workers: 0,
    environment: { ...withKeys, RATE_LIMIT_PER_MINUTE: '600', WORKERS: '4' },
  });
  const url = cluster.redis?.url ?? '';
  for (const rule of rules) await redisCommand(url, rule);
  await redisCommand(url, 'ACL SETUSER default nocommands +acl');
  const as = (user: string) => ({ environment: { REDIS_URL: url.replace('//', `//${user}:PASSWORD@`) } });
  const api = await cluster.startApi(as('prosemill-api'));
  const worker = await cluster.startWorker(as('prosemill-worker'));

  const client = clientOf(cluster, 'client', await createOwner(cluster, 'ann'));
  const answers = await Promise.all(Array.from({ length: 20 }, () => client.submit({ request: longText })));
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
  // This takes from the shared rate limit, and its end comes as a wake-up.
  await client.submit({ path: '/generate', waitSeconds: 10 });
  await cluster.settle(60_000);

  // The list names every refused command.
  expect(await redisCommand(url, 'ACL LOG')).toBe('*0');
  for (const { process } of [api, worker]) {
    expect(process.log.filter(({ msg }) => String(msg).startsWith('Redis'))).toEqual([]);
    expect(process.output).not.toMatch(/NOPERM/);
  }
  const service = createClient({ url: api.url });
  await until('a healthy service', async () => (await service.health()).status === 'healthy', 10_000);
  await expectAllSucceeded(cluster, 21);
  await expectNoViolation(cluster);
});
