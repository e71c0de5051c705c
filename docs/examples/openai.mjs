// Completes a prompt with the official client of OpenAI's API, in one piece and as a stream.
import { setTimeout as delay } from 'node:timers/promises';
import OpenAI from 'openai';

const client = new OpenAI({
  baseURL: `${process.env.BASE_URL ?? 'http://127.0.0.1:8000'}/v1`,
  apiKey: process.env.API_KEY ?? 'none',
});

let [model] = (await client.models.list()).data;
while (model === undefined) {
  // The worker loads its model.
  await delay(500);
  [model] = (await client.models.list()).data;
}

const request = { model: model.id, prompt: 'Once upon a time', max_tokens: 30, seed: 7 };
const { choices } = await client.completions.create(request);
console.log(choices[0].text);

for await (const chunk of await client.completions.create({ ...request, stream: true })) {
  process.stdout.write(chunk.choices[0]?.text ?? '');
}
console.log();
