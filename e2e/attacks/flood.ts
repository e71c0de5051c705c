/**
 * A client that sends requests without pause on many connections. It is a process of its own, so that the measuring
 * clients do not wait in its event loop. It runs until SIGTERM, and then prints the number of answers of each status.
 */
import { once } from 'node:events';
import type { FloodRequest } from './attacked-service.ts';

const [url = '', requestsAsJson = '', connections = '1'] = process.argv.slice(2);
const requests = JSON.parse(requestsAsJson) as readonly FloodRequest[];
const counts: Record<string, number> = {};
let isStopping = false;

async function flood(first: number): Promise<void> {
  for (let index = first; !isStopping; index += 1) {
    const { path, ...init } = requests[index % requests.length] as FloodRequest;
    // A missing answer counts too.
    const status = await fetch(url + path, init).then(
      async (response) => (await response.arrayBuffer(), response.status),
      () => 0,
    );
    counts[status] = (counts[status] ?? 0) + 1;
  }
}

const floods = Array.from({ length: Number(connections) }, async (_, index) => await flood(index));
await once(process, 'SIGTERM');
isStopping = true;
await Promise.all(floods);
process.stdout.write(JSON.stringify(counts));
