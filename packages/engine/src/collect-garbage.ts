/**
 * The thread that calls this returns the memory of its heap that loading a model has freed. V8 alone keeps that memory
 * for new objects, also after the `gc` of `--expose-gc`.
 */
import { Session } from 'node:inspector/promises';

/** Takes about 50 ms. */
export async function collectGarbage(): Promise<void> {
  const session = new Session();
  session.connect();
  await session.post('HeapProfiler.collectGarbage');
  session.disconnect();
}
