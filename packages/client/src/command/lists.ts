/** The commands that list and show. */
import type { ApiKey, ApiKeyRequest, HistoryFilters, Job, JobFilters } from '../index.ts';
import type { Context } from './context.ts';
import { BadAnswer } from './exit-codes.ts';
import { excerpt, table } from './output.ts';

const promptLength = 60;

async function take<Item>(items: AsyncIterable<Item>, count: number): Promise<readonly Item[]> {
  const taken: Item[] = [];
  if (count > 0) {
    for await (const item of items) if (taken.push(item) >= count) break;
  }
  return taken;
}

const pageSize = (count: number, largest: number): number => Math.max(1, Math.min(count, largest));

export async function listJobs(context: Context, filters: JobFilters, count: number): Promise<void> {
  const { client, interrupted, output, isJson } = context;
  const jobs = await take(client.jobs({ ...filters, limit: pageSize(count, 100) }, { signal: interrupted }), count);
  if (isJson) return await writeAll(context, jobs);
  await output.write(table([['JOB', 'STATUS', 'CREATED', 'PROMPT'], ...jobs.map(jobRow)]));
}

const jobRow = ({ id, status, created_at: at, prompt }: Job): string[] => [
  id,
  status,
  at,
  excerpt(prompt, promptLength),
];

export async function listHistory(context: Context, filters: HistoryFilters, count: number): Promise<void> {
  const { client, interrupted, output, isJson } = context;
  const limit = pageSize(count, 1_000);
  const records = await take(client.history({ ...filters, limit }, { signal: interrupted }), count);
  if (isJson) return await writeAll(context, records);
  for (const { id, created_at: at, model_name: model, generated_text: text } of records) {
    await output.write(`${output.dim(`${id}  ${at}  ${model}`)}\n`);
    await output.writeText(`${text}\n\n`);
  }
}

/** Asks once: a service that does not answer is a state too. */
export async function showStatus({ clientFor, interrupted, output, isJson, url }: Context): Promise<void> {
  const client = clientFor(0);
  const [service, health] = await Promise.all([
    client.service({ signal: interrupted }),
    client.health({ signal: interrupted }),
  ]);
  if (isJson) await output.writeJson({ url, service, health });
  else {
    const { queued, running, paused } = health.queue;
    const busy = health.workers.map(({ state, busy: taken, slots }) => `${state} ${taken}/${slots}`);
    await output.write(
      table([
        ['service', `${url}, version ${health.version}`],
        ['status', health.status],
        ['model', health.model === null ? 'not loaded yet' : `${health.model.name} (${health.model.dtype})`],
        ['workers', busy.length === 0 ? 'none' : busy.join(', ')],
        ['queue', `${queued ?? '?'} queued, ${running ?? '?'} running${paused === true ? ', paused' : ''}`],
        ['keys', service.auth === 'off' ? 'not needed' : 'needed'],
        ...health.problems.map((problem) => ['problem', problem]),
      ]),
    );
  }
  if (health.status !== 'healthy') throw new BadAnswer();
}

export async function createKey(
  { client, interrupted, output, isJson }: Context,
  request: ApiKeyRequest,
): Promise<void> {
  const key = await client.createKey(request, { signal: interrupted });
  if (isJson) return await output.writeJson(key);
  output.remark(`${keyRow(key).join('  ')}\nIts secret, which is shown this once:`);
  await output.write(`${key.secret}\n`);
}

export async function listKeys(context: Context): Promise<void> {
  const { client, interrupted, output, isJson } = context;
  const keys = await take(client.keys({ limit: 100 }, { signal: interrupted }), Number.POSITIVE_INFINITY);
  if (isJson) return await writeAll(context, keys);
  await output.write(table([['KEY', 'PREFIX', 'OWNER', 'SCOPES', 'STATE', 'NAME'], ...keys.map(keyRow)]));
}

function keyRow({ id, prefix, owner, scopes, name, revoked_at: revokedAt, expires_at: expiresAt }: ApiKey): string[] {
  const state = revokedAt !== null ? 'revoked' : expiresAt !== null ? `until ${expiresAt}` : 'valid';
  return [id, `${prefix}…`, owner, scopes.join(','), state, excerpt(name, promptLength)];
}

async function writeAll({ output }: Context, items: readonly unknown[]): Promise<void> {
  for (const item of items) await output.writeJson(item);
}
