/** The webhook of a job on its page: what is sent, what came of it, and how to send it again. */
import { startReceiver } from '@prosemill/testkit';
import { expect } from 'vitest';
import { browserTest } from './browser-test.ts';
import { launchPage } from './page-service.ts';
import { openPage, pauseQueue, submitJobs } from './verbs.ts';

const short = { prompt: 'The old king', max_new_tokens: 2 };
const it = browserTest(async () => await launchPage({ WEBHOOK_ALLOW_PRIVATE: '1' }));

it('tells why a message was refused, and sends it again with the same id', async ({ page, client }) => {
  const receiver = await startRefusingReceiver();
  const [id = ''] = await submitJobs(client, 1, { ...short, webhook_url: receiver.url });
  await openPage(page, `#/jobs/${id}`);
  const panel = page.getByRole('region', { name: 'Deliveries' });
  await panel.getByText(receiver.url).waitFor();
  await panel.getByText('failing', { exact: true }).waitFor();
  await panel.getByText('Attempts', { exact: true }).click();
  await panel.getByText('refused, status 503').first().waitFor();
  receiver.accept();
  await panel.getByRole('button', { name: /^Send again.*job.succeeded$/ }).click();
  await panel.getByText('delivered', { exact: true }).waitFor();
  await panel.getByText('accepted, status 204').waitFor();
  expect(receiver.ids().size).toBe(1);
});

it('tells of which ends a message goes out, and that none did', async ({ page, client }) => {
  await pauseQueue(client);
  const [id = ''] = await submitJobs(client, 1, {
    ...short,
    webhook_url: 'http://127.0.0.1:9/',
    webhook_events: ['job.succeeded', 'job.failed'],
  });
  await openPage(page, `#/jobs/${id}`);
  await page.getByText('A message goes there when the job has ended: succeeded, failed.').waitFor();
  await page.getByRole('button', { name: 'Cancel', exact: true }).click();
  await page.getByText('No message: the receiver wants to hear of succeeded, failed only.').waitFor();
});

/** A receiver of webhooks that refuses all messages until it is told to accept them. */
async function startRefusingReceiver() {
  let status = 503;
  const { url, messages } = await startReceiver((response) => void response.writeHead(status).end());
  const ids = () => new Set(messages.map(({ headers }) => headers['webhook-id']));
  const accept = (): void => {
    status = 204;
  };
  return { url: `${url}/prosemill`, ids, accept };
}
