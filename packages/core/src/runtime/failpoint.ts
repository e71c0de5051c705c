/** Fault injection: named points at which a test makes this process die, fail or wait. Refused in production. */
import { setTimeout as delay } from 'node:timers/promises';
import { ConfigError } from './read-config.ts';

/**
 * - `submit.after_commit`: a job is committed, no hint has been sent.
 * - `worker.after_claim`: a job is claimed, its generation has not begun.
 * - `worker.before_complete`: a text is generated, and not written.
 * - `worker.after_complete`: an outcome is written, no wake-up has been sent.
 * - `reconciler.after_rescue`: jobs were taken from lost workers, no hint has been sent.
 * - `engine.poison`: in the engine's process, a prompt with {@link poisonWord} is about to run.
 */
export const failpointNames = [
  'submit.after_commit',
  'worker.after_claim',
  'worker.before_complete',
  'worker.after_complete',
  'reconciler.after_rescue',
  'engine.poison',
] as const;
export type FailpointName = (typeof failpointNames)[number];

/** `kill9`: SIGKILL to this process. `throw`: an error. `sleep`: waits {@link failpointSleepMs}. */
const failpointActions = ['kill9', 'throw', 'sleep'] as const;

const failpointSleepMs = 5_000;

/** The word that makes a prompt poison while `engine.poison` is armed. */
export const poisonWord = 'poisonpill';

/** `FAILPOINT` is `name:action`. */
type FailpointConfig = Readonly<Partial<Record<'FAILPOINT' | 'NODE_ENV', string | undefined>>>;

let armed: { readonly name: FailpointName; readonly action: (typeof failpointActions)[number] } | null = null;

/** Called once, by a `main.ts`. @throws {ConfigError} for an unknown point or action, and in production */
export function armFailpoint({ FAILPOINT: text, NODE_ENV: environment }: FailpointConfig): void {
  armed = null;
  if (text === undefined) return;
  if (environment === 'production') throw new ConfigError(['FAILPOINT: must not be set when NODE_ENV is production']);
  const all = failpointNames.flatMap((name) => failpointActions.map((action) => ({ name, action })));
  armed = all.find(({ name, action }) => text === `${name}:${action}`) ?? null;
  if (armed === null) {
    throw new ConfigError([
      `FAILPOINT: must be one of ${failpointNames.join(', ')}, then a colon and one of ${failpointActions.join(', ')}`,
    ]);
  }
}

/** The value of `FAILPOINT` for a child process; undefined when no failpoint is armed. */
export const armedFailpoint = (): string | undefined => (armed === null ? undefined : `${armed.name}:${armed.action}`);

/** A named point in the code. Reports on standard error that it was reached. @throws when it is armed with `throw` */
export async function failpoint(name: FailpointName): Promise<void> {
  if (armed === null || armed.name !== name) return;
  const { action } = armed;
  process.stderr.write(`failpoint ${name}: ${action}\n`);
  if (action === 'kill9') process.kill(process.pid, 'SIGKILL');
  if (action === 'throw') throw new Error(`failpoint ${name}`);
  await delay(failpointSleepMs);
}
