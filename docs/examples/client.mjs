// The verbs of the client: a text, a stream, a job, many at once, and those of before.
import { createClient, ProsemillError } from '@prosemill/client';

const client = createClient({ url: process.env.BASE_URL ?? 'http://127.0.0.1:8000' });

const { generated_text: text } = await client.generate({ prompt: 'Once upon a time', max_new_tokens: 20 });
console.log(text);

for await (const event of client.stream({ prompt: 'The old king', max_new_tokens: 20 })) {
  if (event.type === 'token') process.stdout.write(event.text);
  if (event.type === 'completed') process.stdout.write(`\n${event.job.status}\n`);
}

const { id } = await client.submit({ prompt: 'The young queen', metadata: { customer: '4711' } });
const job = await client.wait(id);
console.log(job.output?.completion);

const prompts = ['A fox', 'A hare', 'A wolf'];
const requests = prompts.map((prompt) => ({ prompt, max_new_tokens: 10 }));
for await (const { index, job: ended } of client.batch(requests)) console.log(index, ended?.output?.generated_text);

for await (const { created_at: at, generated_text: found } of client.export({ q: 'queen' })) console.log(at, found);
await client.delete(id);

try {
  await client.submit({ prompt: 'I hate it' });
} catch (error) {
  if (error instanceof ProsemillError) console.log(error.code, error.message);
}
