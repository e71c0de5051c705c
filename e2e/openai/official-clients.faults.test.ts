/** The official client of PyPI, unchanged; and both official clients while the service is killed and started again. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { JobBody } from '@prosemill/contract';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createClient } from '../http-client.ts';
import { type Environment, launchStandalone } from '../launch.ts';
import { installPythonPackages } from '../python-packages.ts';
import { launchOpenAiService, type OpenAiService } from './openai-service.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const model = 'tiny-tales';

let programs: string;
beforeAll(async () => {
  const environment = fileURLToPath(new URL('../../data/openai/venv', import.meta.url));
  programs = await installPythonPackages(join(here, 'requirements.txt'), environment);
}, 300_000);

/** @returns the output of a scenario of openai_client.py */
async function python(scenario: string, environment: Environment): Promise<string> {
  const script = join(here, 'openai_client.py');
  const { stdout } = await promisify(execFile)(join(programs, 'python'), [script, scenario], { env: environment });
  return stdout;
}

describe('openai of PyPI', () => {
  let service: OpenAiService;
  let environment: Environment;

  beforeAll(async () => {
    service = await launchOpenAiService({ RATE_LIMIT_PER_MINUTE: '60' });
    environment = { BASE_URL: service.baseUrl, API_KEY: await service.makeKey() };
    const models = async () =>
      (
        await fetch(`${service.baseUrl}/models`, { headers: { Authorization: `Bearer ${environment['API_KEY']}` } })
      ).json();
    await vi.waitUntil(async () => ((await models()) as { data: unknown[] }).data.length > 0, { timeout: 30_000 });
  });
  afterAll(async () => {
    await service?.stop();
  });

  it.each(['plain', 'stream', 'errors'])('passes the scenario %s', async (scenario) => {
    expect(await python(scenario, { ...environment, API_KEY: await service.makeKey() })).toBe('');
  });

  it('gives up after its timeout, and the job is there all the same', async () => {
    await service.pause();
    await python('timeout', environment);
    await service.resume();
    const headers = { Authorization: `Bearer ${environment['API_KEY']}` };
    const texts = async () => (await service.request<{ prompt: string }[]>('/history', { headers })).body;
    await expect.poll(async () => (await texts()).map(({ prompt }) => prompt)).toContain('The old fox');
  });
});

describe('a service that is killed during a request and started again', () => {
  const key = 'the-same-job';
  const clients: Record<string, (url: string) => Promise<string>> = {
    npm: async (url) => {
      const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 20 });
      const params = { model, prompt: 'The old king', max_tokens: 5, seed: 7 };
      const { choices } = await client.completions.create(params, { headers: { 'Idempotency-Key': key } });
      return choices[0]?.text ?? '';
    },
    PyPI: async (url) => await python('retry', { BASE_URL: `${url}/v1`, API_KEY: 'none', IDEMPOTENCY_KEY: key }),
  };

  it.each(Object.keys(clients))('is asked again by openai of %s, which gets the text of its one job', async (name) => {
    const folder = await mkdtemp(join(tmpdir(), 'prosemill-openai-'));
    const environment = { DATABASE_URL: `sqlite:${join(folder, 'prosemill.db')}` };
    const first = await launchStandalone(environment);
    const { url } = first;
    const request = await createClient(url);
    await request('/admin/queue/pause', { method: 'POST' });
    const completing = clients[name]?.(url);
    const jobs = async () => (await request<{ data: JobBody[] }>('/jobs')).body.data;
    await expect.poll(jobs).toHaveLength(1);
    await first.stop('SIGKILL');
    const second = await launchStandalone({ ...environment, PORT: new URL(url).port });
    onTestFinished(async () => {
      await second.stop();
      await rm(folder, { recursive: true });
    });
    await request('/admin/queue/resume', { method: 'POST' });
    const text = await completing;
    expect(await jobs()).toMatchObject([{ status: 'succeeded', output: { generated_text: `The old king${text}` } }]);
  });
});
