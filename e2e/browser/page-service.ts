/** The service with its page, and a brake for its engines. */
import { childProcesses } from '@prosemill/testkit';
import { expect, onTestFinished } from 'vitest';
import type { Environment, Service } from '../launch.ts';
import { launchEmbedded } from '../sizes.ts';

/** Variables of every process: four texts at once, like the playground, and engines that a test may hold. */
export const pageEnvironment: Environment = { WORKERS: '4', ENGINE_HANG_SECONDS: '600' };

/** Everything in one process, on an SQLite file. */
export const launchPage = async (environment: Environment = {}): Promise<Service> =>
  await launchEmbedded({ ...pageEnvironment, ...environment });

/** A slow engine runs for one part in eight of the time. */
const turn = { runMs: 8, pauseMs: 56 };

export interface Brake {
  /** The engines write slowly enough to be watched. */
  readonly slow: () => void;
  /** The engines stand still. */
  readonly hold: () => void;
  readonly release: () => void;
}

/**
 * Makes the engines of a service slow, or holds them, by signals to their processes. So a test decides what happens in
 * the middle of a text, however busy the machine is. They are released at the end of the test.
 */
export function brake(service: Service): Brake {
  /** They may outlive their worker, and must not stay held. */
  const known = new Set<number>();
  let timer: NodeJS.Timeout | undefined;
  const signal = (name: 'SIGSTOP' | 'SIGCONT'): void => {
    for (const pid of enginesOf(service)) known.add(pid);
    if (known.size === 0) throw new Error('The service has no process of an engine.');
    for (const pid of known) signalTo(pid, name);
  };
  const hold = (): void => {
    clearTimeout(timer);
    signal('SIGSTOP');
  };
  const release = (): void => {
    clearTimeout(timer);
    signal('SIGCONT');
  };
  const slow = (): void => {
    hold();
    timer = setTimeout(() => {
      signal('SIGCONT');
      timer = setTimeout(slow, turn.runMs);
    }, turn.pauseMs);
  };
  onTestFinished(release);
  return { slow, hold, release };
}

/** A service is healthy before its engine starts. */
export const waitForEngine = async (service: Service): Promise<void> =>
  await expect.poll(() => enginesOf(service).length).toBeGreaterThan(0);

/** The processes that compute texts are children of the workers. */
const enginesOf = ({ processes }: Service): readonly number[] =>
  processes
    .flatMap(({ child }) => (child.pid === undefined ? [] : childProcesses(child.pid)))
    .filter(({ command }) => command.includes('engine/src/process/main.ts'))
    .map(({ pid }) => pid);

function signalTo(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
