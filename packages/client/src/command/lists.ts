/** The commands that list and show. */
import { malformedAnswer } from '../errors.ts';
import type { ApiKey, ApiKeyRequest, Job, JobFilters, TextFilters } from '../index.ts';
import { collect } from './collect.ts';
import type { Context } from './context.ts';
import { BadAnswer } from './exit-codes.ts';
import { excerpt, table } from './output.ts';

const promptLength = 60;
/** The items of one request. */
const largestPage = 100;

/** @param count  At least one. */
async function* take<Item>(items: AsyncIterable<Item>, count: number): AsyncGenerator<Item, void> {
  let taken = 0;
  for await (const item of items) {
    yield item;
    taken += 1;
    if (taken >= count) return;
  }
}

export async function listJobs(context: Context, filters: JobFilters, count: number): Promise<void> {
  const { client, interrupted, output, isJson } = context;
  const jobs = take(client.jobs({ ...filters, limit: Math.min(count, largestPage) }, { signal: interrupted }), count);
  if (isJson) return await writeAll(context, jobs);
  const rows = await collect(jobs, jobRow);
  await output.write(table([['JOB', 'STATUS', 'CREATED', 'PROMPT'], ...rows]));
}

const jobRow = ({ id, status, created_at: at, prompt }: Job): string[] => [
  id,
  status,
  at,
  excerpt(prompt, promptLength),
];

/** Lists texts as they arrive: `/history` has no filters, and the export is as new. */
export async function listHistory(context: Context, filters: TextFilters, count: number): Promise<void> {
  const { client, interrupted, output, isJson } = context;
  const texts = take(client.export(filters, { signal: interrupted }), count);
  if (isJson) return await writeAll(context, texts);
  for await (const { id, created_at: at, model_name: model, generated_text: text } of texts) {
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
  if (typeof health.queue !== 'object' || typeof service.auth !== 'string') throw malformedAnswer(200);
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
  const keys = client.keys({ limit: largestPage }, { signal: interrupted });
  if (isJson) return await writeAll(context, keys);
  const rows = await collect(keys, keyRow);
  await output.write(table([['KEY', 'PREFIX', 'OWNER', 'SCOPES', 'STATE', 'NAME'], ...rows]));
}

function keyRow({ id, prefix, owner, scopes, name, revoked_at: revokedAt, expires_at: expiresAt }: ApiKey): string[] {
  const state = revokedAt !== null ? 'revoked' : expiresAt !== null ? `until ${expiresAt}` : 'valid';
  return [id, `${prefix}…`, owner, scopes.join(','), state, excerpt(name, promptLength)];
}

/** Items go out as they come, however many follow. */
async function writeAll({ output }: Context, items: AsyncIterable<unknown>): Promise<void> {
  for await (const item of items) await output.writeJson(item);
}
