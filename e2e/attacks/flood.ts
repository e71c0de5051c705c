/**
 * One client that submits without a pause on many connections, as a process of its own: what it costs the machine is nobody's fault, but the
 * clients that are measured must not wait for it in their own event loop. Until SIGTERM; then it writes how many answers of each status it got.
 */
import { once } from 'node:events';

const [url = '', authorization = '', connections = '1'] = process.argv.slice(2);
const body = JSON.stringify({ prompt: 'Once upon a time', max_new_tokens: 1 });
const headers = { 'Content-Type': 'application/json', Authorization: authorization };
const counts: Record<string, number> = {};
let isStopping = false;

async function flood(): Promise<void> {
  while (!isStopping) {
    // No answer at all counts too.
    const status = await fetch(`${url}/jobs`, { method: 'POST', headers, body }).then(
      async (response) => (await response.arrayBuffer(), response.status),
      () => 0,
    );
    counts[status] = (counts[status] ?? 0) + 1;
  }
}

const floods = Array.from({ length: Number(connections) }, flood);
await once(process, 'SIGTERM');
isStopping = true;
await Promise.all(floods);
process.stdout.write(JSON.stringify(counts));
