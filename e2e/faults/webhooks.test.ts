/** Webhooks while the APIs that deliver them die. */
import { startReceiver } from '@prosemill/testkit';
import { expect, it } from 'vitest';
import { clientOf, expectAllSucceeded, expectNoViolation, launch, submitMany } from './fault-test.ts';
import { shortText } from './load-client.ts';
import { until } from './until.ts';

/** A receiver that answers nothing until it is opened. */
async function startClosedReceiver() {
  let isOpen = false;
  const { url, messages } = await startReceiver((response) => {
    if (isOpen) response.writeHead(204).end();
  });
  const received = () =>
    messages.map(({ headers, body }) => {
      const { data } = JSON.parse(body) as { readonly data: { readonly id: string } };
      return { id: String(headers['webhook-id']), jobId: data.id };
    });
  return { url: `${url}/`, received, open: () => void (isOpen = true) };
}

it('24: webhooks survive the death of every API: none is lost, and a duplicate has the same id', async () => {
  const environment = { WEBHOOK_ALLOW_PRIVATE: '1' };
  const cluster = await launch({ apis: 2, workers: 1, environment });
  const receiver = await startClosedReceiver();
  const count = 40;
  const request = { ...shortText, webhook_url: receiver.url };
  const ids = await submitMany(clientOf(cluster), count, { request });
  await until('attempts to be under way', async () => receiver.received().length >= 8, 60_000);
  await Promise.all([...cluster.apis].map(async (api) => await cluster.stopNode(api, 'SIGKILL')));
  await cluster.settle(60_000);
  receiver.open();
  await Promise.all([cluster.startApi({ environment }), cluster.startApi({ environment })]);
  const open = async () => await cluster.sql(`select id from webhook_deliveries where state <> 'delivered'`);
  await until('all webhooks to be delivered', async () => (await open()).length === 0, 120_000);
  expect(new Set(receiver.received().map(({ jobId }) => jobId))).toEqual(new Set(ids));
  expect(new Set(receiver.received().map(({ id }) => id)).size).toBe(count);
  expect(receiver.received().length).toBeGreaterThan(count);
  await expectAllSucceeded(cluster, count);
  await expectNoViolation(cluster);
});
