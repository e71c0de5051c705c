/** Stops and starts all claims. Paused is a row that is there: every claim looks for it, in every process. */
import type { StoreContext } from '../store-context.ts';

/** Of the only row that there may be. */
const pauseId = 1;

export async function setPaused({ db, dialect }: StoreContext, paused: boolean): Promise<void> {
  if (!paused) {
    await db.deleteFrom('queue_pause').execute();
    return;
  }
  await db
    .insertInto('queue_pause')
    .values({ id: pauseId, paused_at: dialect.now })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

export async function isPaused({ db }: StoreContext): Promise<boolean> {
  return (await db.selectFrom('queue_pause').select('id').executeTakeFirst()) !== undefined;
}
