/**
 * Frees what loading a model has left in the heap of the calling thread. V8 would keep the free memory for new objects;
 * `gc` keeps it as well.
 */
import { Session } from 'node:inspector/promises';

/** Takes about 50 ms. */
export async function collectGarbage(): Promise<void> {
  const session = new Session();
  session.connect();
  await session.post('HeapProfiler.collectGarbage');
  session.disconnect();
}
