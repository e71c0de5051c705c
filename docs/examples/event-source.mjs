// Shows a text with `EventSource`, which browsers have; in Node: node --experimental-eventsource.
// It goes on by itself after a lost connection. Pages of other origins need CORS_ORIGINS.
const baseUrl = process.env.BASE_URL ?? 'http://127.0.0.1:8000';

const submitted = await fetch(`${baseUrl}/jobs`, {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({ prompt: 'Once upon a time', max_new_tokens: 40 }),
});
const { urls } = await submitted.json();

let text = '';
const source = new EventSource(baseUrl + urls.stream);
source.addEventListener('token', ({ data }) => (text += JSON.parse(data).text));
// The job runs again and writes another text.
source.addEventListener('reset', () => (text = ''));
source.addEventListener('completed', ({ data }) => {
  // Without this, EventSource would connect again and get the same end.
  source.close();
  console.log(JSON.parse(data).status, text);
});
