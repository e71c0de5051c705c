/** Takes a lock when it is told to, for tests. */
import { lockFile } from './lock-file.ts';

const [path = ''] = process.argv.slice(2);
const nothing = async (): Promise<void> => undefined;
let unlock = nothing;

process.on('message', (message) => void (message === 'take' ? take() : leave()));

async function take(): Promise<void> {
  try {
    unlock = await lockFile(path);
    process.send?.('taken');
  } catch (error) {
    process.send?.((error as Error).message);
  }
}

async function leave(): Promise<void> {
  await unlock();
  unlock = nothing;
  process.send?.('left');
}
