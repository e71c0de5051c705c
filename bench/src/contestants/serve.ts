/** Runs inside a contestant's process and answers its tasks. */
import type { Work, WorkResult } from '../work.ts';
import type { Reply, Task } from './contestant.ts';

type Run = (work: readonly Work[], inFlight: number) => Promise<WorkResult>;

/**
 * Answers each task with the number of tokens and the time, until the channel closes.
 * @param start  Loads the model.
 */
export async function serve(start: () => Promise<Run>): Promise<void> {
  process.on('disconnect', () => process.exit(0));
  try {
    const run = await start();
    process.on('message', (task: Task) => void answer(run, task));
    reply({ result: { tokens: 0, ms: 0 } });
  } catch (error) {
    reply({ error: String(error) });
  }
}

async function answer(run: Run, { work, inFlight }: Task): Promise<void> {
  try {
    reply({ result: await run(work, inFlight) });
  } catch (error) {
    reply({ error: String(error) });
  }
}

const reply = (message: Reply): void => void process.send?.(message);
