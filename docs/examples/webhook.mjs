// A receiver of webhooks with the package `standardwebhooks`. It submits a job, waits for the message about its end, and
// shows the text. The service must be able to reach it: run both on one machine, with WEBHOOK_ALLOW_PRIVATE=1.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Webhook } from 'standardwebhooks';

const baseUrl = process.env.BASE_URL ?? 'http://127.0.0.1:8000';
const { secret } = await (await fetch(`${baseUrl}/webhooks/secret`)).json();
const webhook = new Webhook(secret);

/** The ids of messages that were handled: a message may come twice. Keep them in a database. */
const handled = new Set();

async function receive(request, response) {
  const chunks = await request.toArray();
  let message;
  try {
    // Throws for a message that somebody else sent, or that is older than five minutes.
    message = webhook.verify(Buffer.concat(chunks), request.headers);
  } catch {
    response.writeHead(400).end();
    return;
  }
  // Answer soon, within 15 s; do the work afterwards.
  response.writeHead(204).end();
  const id = request.headers['webhook-id'];
  if (handled.has(id)) return;
  handled.add(id);
  console.log(message.type, message.data.output?.generated_text);
  receiver.close();
}

const receiver = createServer((request, response) => void receive(request, response));
await once(receiver.listen(0, '127.0.0.1'), 'listening');

const submitted = await fetch(`${baseUrl}/jobs`, {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({
    prompt: 'The old king',
    max_new_tokens: 20,
    webhook_url: `http://127.0.0.1:${receiver.address().port}/prosemill`,
  }),
});
if (!submitted.ok) throw new Error(await submitted.text());
