/** Starts and stops of processes: exit codes, one line for each error, and state that survives. */
import { fileURLToPath } from 'node:url';
import { createTestFolder, type HubServer, startHubServer } from '@prosemill/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createCheckedClient } from './http-client.ts';
import { type Environment, launchStandalone, ServiceProcess } from './launch.ts';
import { expectAllSucceed, sqliteFile, stopAtEnd, submitMany } from './lifecycle.ts';

/** The output of a process that refuses to start in this environment. */
async function refusalOf(environment: Environment): Promise<string> {
  const process = new ServiceProcess('apps/standalone/src/main.ts', environment);
  expect(await process.ended()).toBe(1);
  return process.output;
}

describe('the service in one process', () => {
  it('requires keys when other machines can reach the port, logs it, and lets ADMIN_KEY make the first key', async () => {
    const adminKey = 'x'.repeat(32);
    const environment = { ...(await sqliteFile()), HOST: '0.0.0.0', ADMIN_KEY: adminKey };
    const service = stopAtEnd(await launchStandalone(environment));
    await service.processes[0]?.logged({ msg: 'requests need an API key', hasAdminKey: true });
    const stranger = await createCheckedClient(service.url);
    await expect.poll(async () => (await stranger.health()).status).toBe('healthy');
    await expect(stranger.jobs().page()).rejects.toMatchObject({ code: 'unauthorized' });
    const administrator = await createCheckedClient(service.url, { apiKey: adminKey });
    const { secret } = await administrator.createKey({ owner: 'acme', name: 'first' });
    const client = await createCheckedClient(service.url, { apiKey: secret });
    expect((await client.jobs().page()).data).toEqual([]);
  });

  it('keeps its history', async () => {
    const environment = await sqliteFile();
    const first = stopAtEnd(await launchStandalone(environment));
    const generated = await (await createCheckedClient(first.url)).generate({ prompt: 'Test prompt', max_length: 50 });
    await first.stop('SIGINT');
    const second = stopAtEnd(await launchStandalone(environment));
    const history = await Array.fromAsync((await createCheckedClient(second.url)).history());
    expect(history.map(({ id }) => id)).toEqual([generated.id]);
  });

  it('stays paused', async () => {
    const environment = await sqliteFile();
    const first = stopAtEnd(await launchStandalone(environment));
    const client = await createCheckedClient(first.url);
    await client.pauseQueue();
    const ids = await submitMany(client, 1);
    await first.stop('SIGINT');
    const second = stopAtEnd(await launchStandalone(environment));
    await second.processes[0]?.logged({ msg: 'the worker takes jobs' });
    const clientAgain = await createCheckedClient(second.url);
    expect(await clientAgain.health()).toMatchObject({ queue: { queued: 1, running: 0, paused: true } });
    expect((await clientAgain.request(`jobs/${ids[0]}`, { query: { wait: 1 } })).body).toMatchObject({
      status: 'queued',
    });
    await clientAgain.resumeQueue();
    await expectAllSucceed(clientAgain, ids);
  });

  it('refuses a second start on the same file in one line', async () => {
    const environment = await sqliteFile();
    stopAtEnd(await launchStandalone(environment));
    const second = new ServiceProcess('apps/standalone/src/main.ts', { PORT: '0', MODEL: 'shipped', ...environment });
    expect(await second.ended()).toBe(1);
    expect(second.output).toMatch(/^prosemill: The database file .* is in use by another Prosemill process\. .*\n$/);
  });

  it('lists all errors of its configuration', async () => {
    const process = new ServiceProcess('apps/standalone/src/main.ts', {
      PORT: 'eighty',
      DATABASE_URL: 'mysql://user:secret@host/db',
      LOG_LEVEL: 'loud',
      LEASE_SECONDS: '0',
    });
    expect(await process.ended()).toBe(1);
    for (const name of ['PORT', 'LOG_LEVEL', 'LEASE_SECONDS']) expect(process.output).toContain(`- ${name}: `);
    expect(process.output).not.toContain('secret');
  });

  it('refuses a failpoint in production, and an unknown failpoint', async () => {
    expect(await refusalOf({ FAILPOINT: 'worker.after_claim:kill9', NODE_ENV: 'production' })).toContain(
      '- FAILPOINT: must not be set when NODE_ENV is production',
    );
    expect(await refusalOf({ FAILPOINT: 'nowhere:kill9' })).toContain(
      '- FAILPOINT: must be one of submit.after_commit, ',
    );
  });

  it('names the port that is in use', async () => {
    const first = stopAtEnd(await launchStandalone(await sqliteFile()));
    const { port } = new URL(first.url);
    const environment = { ...(await sqliteFile()), PORT: port, MODEL: 'shipped' };
    const second = new ServiceProcess('apps/standalone/src/main.ts', environment);
    expect(await second.ended()).toBe(1);
    expect(second.output).toMatch(new RegExp(`^prosemill: PORT ${port} of HOST 127.0.0.1 is in use .*EADDRINUSE.*\n$`));
  });

  it('tells why the configured model cannot be loaded, and does not run another', async () => {
    const environment = { ...(await sqliteFile()), PORT: '0', MODEL: '/no/such/folder' };
    const process = new ServiceProcess('apps/standalone/src/main.ts', environment);
    expect(await process.ended()).toBe(1);
    expect(process.output).toMatch(/^prosemill: .*\/no\/such\/folder.*\n$/);
  });
});

async function modelEnvironment(hub: HubServer): Promise<Environment> {
  return { ...(await sqliteFile()), HF_ENDPOINT: hub.url, MODEL: 'acme/tiny', MODEL_DIR: await createTestFolder() };
}

describe('a model that has to be downloaded first', () => {
  const modelFolder = fileURLToPath(new URL('../models/tiny-tales', import.meta.url));

  async function startHub(): Promise<HubServer> {
    const hub = await startHubServer({ repositories: { 'acme/tiny': modelFolder }, commit: '0123abc' });
    onTestFinished(hub.stop);
    return hub;
  }

  it('is downloaded once, and is what answers', async () => {
    const hub = await startHub();
    const environment = await modelEnvironment(hub);
    const first = stopAtEnd(await launchStandalone(environment));
    const client = await createCheckedClient(first.url);
    const generated = await client.generate({ prompt: 'Once upon a time', max_new_tokens: 3 });
    expect(generated.model_name).toBe('tiny');
    await first.stop();
    await hub.stop();
    const second = stopAtEnd(await launchStandalone(environment));
    await second.processes[0]?.logged({ msg: 'the worker takes jobs', model: 'tiny' });
  });

  it('shows its progress in /health and the log, while jobs are accepted; Ctrl-C ends it', async () => {
    const hub = await startHub();
    hub.breakNext('model.safetensors', 'stall', 1);
    const service = stopAtEnd(await launchStandalone(await modelEnvironment(hub)));
    const client = await createCheckedClient(service.url);
    const progress = async () => (await client.health()).workers[0]?.load_progress;
    await expect.poll(progress).toBeGreaterThan(0.4);
    expect(await progress()).toBeLessThan(0.6);
    expect(await client.health()).toMatchObject({ status: 'healthy', model: null });
    expect((await client.submit({ prompt: 'Once upon a time' })).status).toBe('queued');
    await service.processes[0]?.logged({ msg: 'loading the model' });
    expect(await service.stop('SIGINT')).toEqual([0]);
  });

  it('gives way to the shipped model when MODEL is not set and the download fails, and says so', async () => {
    const hub = await startHub();
    const environment = { ...(await modelEnvironment(hub)), MODEL: '' };
    const service = stopAtEnd(await launchStandalone(environment));
    const client = await createCheckedClient(service.url);
    const generated = await client.generate({ prompt: 'Once upon a time', max_new_tokens: 3 });
    expect(generated.model_name).toBe('tiny-tales');
    const reason =
      /^distilgpt2 is not available \(.*\), so the small model tiny-tales of this repository runs instead\.$/;
    expect((await client.health()).workers[0]?.note).toMatch(/^distilgpt2 is not available, .*; its log says why\.$/);
    const lines = service.processes[0]?.log.filter(({ msg }) => reason.test(String(msg)));
    expect(lines).toHaveLength(1);
  });
});

describe('API and worker as processes of their own', () => {
  it.each(['apps/api/src/main.ts', 'apps/worker/src/main.ts'] as const)(
    'refuse an SQLite file (%s)',
    async (program) => {
      const process = new ServiceProcess(program, await sqliteFile());
      expect(await process.ended()).toBe(1);
      expect(process.output).toContain('DATABASE_URL: must be postgres://');
    },
  );
});
