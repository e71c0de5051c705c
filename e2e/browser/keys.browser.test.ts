/** A service that asks for keys, and its administration. */
import { readFile } from 'node:fs/promises';
import { type ApiKey, createClient, type ProsemillClient, type ProsemillError } from '@prosemill/client';
import { startReceiver } from '@prosemill/testkit';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import type { Service } from '../launch.ts';
import { browserTest } from './browser-test.ts';
import { launchPage } from './page-service.ts';
import { goTo, openPage, pressWrite, sample, sampleIs, setParameter, writePrompt } from './verbs.ts';

const adminKey = 'x'.repeat(32);
const it = browserTest(
  async () => await launchPage({ AUTH: 'keys', ADMIN_KEY: adminKey, WEBHOOK_ALLOW_PRIVATE: '1' }),
  { apiKey: adminKey },
);

async function makeKey(client: ProsemillClient, scopes: ApiKey['scopes'] = ['generate', 'read']): Promise<string> {
  return (await client.createKey({ owner: 'acme', name: scopes.join(' '), scopes })).secret;
}

const keyDialog = (page: Page) => page.getByRole('dialog', { name: 'A key, please' });

/** Gives the page a key in the dialog that is open. */
async function giveKey(page: Page, key: string): Promise<void> {
  await keyDialog(page).getByLabel('Key', { exact: true }).fill(`  ${key}\n`);
  await keyDialog(page).getByRole('button', { name: 'Use' }).click();
}

/** Opens the administration with the key of the operator. */
async function openAdmin(page: Page): Promise<void> {
  await openPage(page, '#/admin');
  await giveKey(page, adminKey);
  await keyDialog(page).waitFor({ state: 'hidden' });
}

const isValid = async ({ url }: Service, apiKey: string): Promise<boolean> =>
  await createClient({ url, apiKey, retryForMs: 0 })
    .me()
    .then(
      () => true,
      (error: ProsemillError) => error.status !== 401,
    );

it('asks for a key at the first refusal, and goes on with the prompt', async ({ page, watch, client }) => {
  watch.expectFailures(/ 401$/);
  await openPage(page);
  await writePrompt(page, 'The old king');
  await setParameter(page, 'New tokens', 8);
  await keyDialog(page).waitFor();
  await giveKey(page, `pm_${'a'.repeat(38)}`);
  await keyDialog(page).getByText('This key is not valid (any more).').waitFor();
  await giveKey(page, await makeKey(client));
  await keyDialog(page).waitFor({ state: 'hidden' });
  expect(await page.getByLabel('Prompt', { exact: true }).inputValue()).toBe('The old king');
  await pressWrite(page);
  await sampleIs(page, 'Done');
});

it('says what a key lacks, and goes on with the text that it refused when there is another key', async ({
  page,
  watch,
  client,
}) => {
  watch.expectFailures(/ 40[13]$/);
  await openPage(page);
  await writePrompt(page, 'The old king');
  await giveKey(page, await makeKey(client, ['read']));
  await pressWrite(page);
  await sampleIs(page, 'Refused');
  await sample(page).getByText('This key may not do this.', { exact: false }).waitFor();
  await sample(page).getByRole('button', { name: 'Use another key' }).click();
  await giveKey(page, await makeKey(client));
  await sampleIs(page, 'Done');
});

it('exports with its key', async ({ page, watch, client }) => {
  watch.expectFailures(/ 401$/);
  await openPage(page, '#/jobs');
  await giveKey(page, await makeKey(client));
  await goTo(page, 'Playground');
  await writePrompt(page, 'Only for acme');
  await pressWrite(page);
  await sampleIs(page, 'Done');
  await goTo(page, 'Jobs');
  await page.getByRole('button', { name: 'Export', exact: true }).click();
  const coming = page.waitForEvent('download');
  await page.getByRole('button', { name: 'JSON lines' }).click();
  const download = await coming;
  expect(download.url()).toMatch(/\/history\/export\/[\w-]{43}$/);
  expect(await readFile(await download.path(), 'utf8')).toContain('"prompt":"Only for acme"');
});

it('keeps a key until the tab closes, and forgets it on demand', async ({ page, watch, client }) => {
  watch.expectFailures(/ 401$/);
  await openPage(page);
  await writePrompt(page, 'The old king');
  await giveKey(page, await makeKey(client));
  await keyDialog(page).waitFor({ state: 'hidden' });
  expect(await page.evaluate<number>('localStorage.length')).toBe(0);
  await page.reload();
  await goTo(page, 'Jobs');
  await page.getByRole('heading', { name: 'Jobs' }).waitFor();
  await page.getByRole('button', { name: 'Help' }).click();
  await page.getByRole('button', { name: 'Forget' }).click();
  await page.getByText('Keys and drafts forgotten.').waitFor();
  expect(await page.evaluate<number>('sessionStorage.length + localStorage.length')).toBe(0);
});

it('makes a key, shows its secret once, and revokes it after a question', async ({ page, watch, service }) => {
  watch.expectFailures(/ 401$/);
  await openAdmin(page);
  await page.getByRole('button', { name: 'Make a key' }).click();
  const form = page.getByRole('form', { name: 'A new key' });
  await form.getByLabel('Owner', { exact: false }).fill('acme');
  await form.getByLabel('Name', { exact: false }).fill('website');
  await form.getByRole('button', { name: 'Make the key' }).click();
  await page.getByText('nobody can show it again', { exact: false }).waitFor();
  const secret = (await page.locator('code').textContent()) ?? '';
  expect(await isValid(service, secret)).toBe(true);
  await page.reload();
  const row = page.getByRole('row').filter({ hasText: 'website' });
  await row.waitFor();
  expect(await page.content()).not.toContain(secret);

  await row.getByRole('button', { name: 'Revoke' }).click();
  const question = page.getByRole('dialog', { name: 'Revoke the key website?' });
  await question.getByRole('button', { name: 'Leave it' }).click();
  expect(await isValid(service, secret)).toBe(true);
  await row.getByRole('button', { name: 'Revoke' }).click();
  await question.getByRole('button', { name: 'Revoke' }).click();
  await row.getByText('revoked').waitFor();
  expect(await isValid(service, secret)).toBe(false);
});

it('lists the webhooks of all owners that fail', async ({ page, watch, client, service }) => {
  watch.expectFailures(/ 401$/);
  const receiver = await startReceiver((response) => void response.writeHead(503).end());
  await openAdmin(page);
  const panel = page.getByRole('region', { name: 'Webhooks' });
  await panel.getByText('0 failing').waitFor();
  const acme = createClient({ url: service.url, apiKey: await makeKey(client) });
  await acme.submit({ prompt: 'A secret', max_new_tokens: 2, webhook_url: `${receiver.url}/path` });
  const row = panel.getByRole('row').filter({ hasText: 'refused, status 503' });
  await row.getByRole('rowheader', { name: `127.0.0.1:${receiver.port}` }).waitFor();
  await panel.getByText('1 failing').waitFor();
  expect(await row.textContent()).toContain('acme');
  expect(await panel.textContent()).not.toMatch(/path|A secret/);
});

it('pauses and resumes the queue, and every view says so', async ({ page, watch, client }) => {
  watch.expectFailures(/ 401$/);
  const banner = page.getByText('The queue is paused since', { exact: false });
  await openAdmin(page);
  await page.getByRole('button', { name: 'Pause…' }).click();
  await page.getByRole('dialog', { name: 'Pause the queue?' }).getByRole('button', { name: 'Pause' }).click();
  await page.getByText(/^Since .*, by admin\.$/).waitFor();
  await banner.waitFor();
  for (const view of ['Machine', 'Playground', 'Jobs', 'Admin']) {
    await goTo(page, view);
    // The list of jobs needs another key than the administration.
    if (view === 'Jobs') await giveKey(page, await makeKey(client));
    await banner.waitFor();
  }
  await page.getByRole('button', { name: 'Resume' }).last().click();
  await banner.waitFor({ state: 'hidden' });
  expect((await client.health()).queue.paused).toBe(false);
});
