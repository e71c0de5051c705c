/** The state of the machine in a sentence, for a reader who looks for a second. */

export interface VerdictInput {
  /** Sentences of the service. */
  readonly problems: readonly string[];
  readonly workers: readonly { readonly state: string; readonly slots: number }[];
  readonly isPaused: boolean;
  readonly busySlots: number;
  readonly waiting: number;
  readonly oldestAgeSeconds: number | null;
  readonly firstTokenP95Ms: number | null;
  /** Jobs that ended within the last five minutes, and how many of them failed. */
  readonly recent: { readonly ended: number; readonly failed: number };
}

export interface Verdict {
  readonly tone: 'good' | 'warning' | 'bad';
  readonly word: string;
  /** The workers, slots and waiting jobs. */
  readonly sentence: string;
  /** The reasons of a tone that is not good. */
  readonly reasons: readonly string[];
}

const longWaitSeconds = 60;
const slowFirstTokenMs = 5_000;
const manyFailures = 0.05;
/** The share of failures among fewer ended jobs says nothing. */
const fewEnded = 20;

export function judge(input: VerdictInput): Verdict {
  const reasons = [...input.problems, ...slownessOf(input)];
  return { ...toneOf(input, reasons), sentence: sentenceOf(input), reasons };
}

function toneOf({ workers, isPaused }: VerdictInput, reasons: readonly string[]): Pick<Verdict, 'tone' | 'word'> {
  const states = new Set(workers.map(({ state }) => state));
  if (!states.has('ready') && !states.has('loading')) return { tone: 'bad', word: 'Stopped' };
  if (!states.has('ready')) return { tone: 'warning', word: 'Loading' };
  if (isPaused) return { tone: 'warning', word: 'Paused' };
  return reasons.length > 0 ? { tone: 'warning', word: 'Look here' } : { tone: 'good', word: 'Healthy' };
}

function slownessOf({ oldestAgeSeconds, firstTokenP95Ms, recent }: VerdictInput): readonly string[] {
  const found: string[] = [];
  if ((oldestAgeSeconds ?? 0) > longWaitSeconds) {
    found.push(`The oldest job has waited for more than ${longWaitSeconds} s.`);
  }
  if ((firstTokenP95Ms ?? 0) > slowFirstTokenMs) {
    found.push(`One text in twenty begins later than ${slowFirstTokenMs / 1_000} s after its start.`);
  }
  if (recent.ended >= fewEnded && recent.failed / recent.ended > manyFailures) {
    found.push(`${Math.round((100 * recent.failed) / recent.ended)} % of the jobs failed within five minutes.`);
  }
  return found;
}

function sentenceOf({ workers, busySlots, waiting }: VerdictInput): string {
  if (workers.length === 0) return 'No worker takes jobs. They wait and are safe.';
  const slots = workers.reduce((sum, worker) => sum + worker.slots, 0);
  const who = workers.length === 1 ? 'One worker' : `${workers.length} workers`;
  const queue = waiting === 0 ? 'nothing waits' : `${waiting} ${waiting === 1 ? 'job waits' : 'jobs wait'}`;
  return `${who}, ${busySlots} of ${slots} slots busy, ${queue}.`;
}
