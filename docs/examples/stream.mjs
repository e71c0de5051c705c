// Prints a text as it is written. After a lost connection it goes on after the last event, at any API of the service.
import { setTimeout as delay } from 'node:timers/promises';

const baseUrl = process.env.BASE_URL ?? 'http://127.0.0.1:8000';
let path = '/generate';
let request = {
  method: 'POST',
  headers: { 'Content-Type': 'application/json', Accept: 'text/event-stream', 'Idempotency-Key': crypto.randomUUID() },
  body: JSON.stringify({ prompt: 'Once upon a time', max_new_tokens: 40 }),
};
let text = '';
let retryMs = 2_000;
let job = null;

while (job === null) {
  try {
    const response = await fetch(baseUrl + path, request);
    if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
    // From here on the job exists: a new connection reads its stream.
    path = `${response.headers.get('Location') ?? path.replace(/\/stream$/, '')}/stream`;
    for await (const event of eventsOf(response.body)) handle(event);
  } catch (error) {
    console.error(`The connection is lost: ${error.message}`);
  }
  if (job === null) await delay(retryMs);
}
process.stdout.write(`\n${job.status}\n`);

function handle({ event, id, data, retry }) {
  if (retry !== undefined) retryMs = Number(retry);
  if (id !== undefined) request = { headers: { 'Last-Event-ID': id } };
  if (event === 'token') {
    const { text: more } = JSON.parse(data);
    text += more;
    process.stdout.write(more);
  } else if (event === 'reset') {
    // The job runs again and writes another text.
    text = '';
    process.stdout.write('\n');
  } else if (event === 'completed') {
    job = JSON.parse(data);
    if (job.prompt + text !== job.output?.generated_text) throw new Error('This is not the text of the job.');
  } else if (event === 'error') {
    console.error(data);
  }
}

/** The events of a stream, whose fields are all single lines. */
async function* eventsOf(body) {
  let rest = '';
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + chunk).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = block.split('\n').map((line) => line.split(/: ?(.*)/s, 2));
      yield Object.fromEntries(fields);
    }
  }
}
