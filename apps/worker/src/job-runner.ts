/** The handler of permits: claims the first claimable row, runs the job, writes the outcome. */
import {
  type AttemptEnding,
  type ClaimedJob,
  createPromptPolicy,
  errorLine,
  failpoint,
  type Job,
  type JobStore,
  type Logger,
  type Outcome,
  type PermitResult,
  retryUntilAvailable,
  type TextGenerator,
  type WakeUps,
} from '@prosemill/core';
import { type AttemptRecordOptions, recordAttempt } from './attempt-record.ts';
import { createChangeAnnouncer } from './change-announcer.ts';
import { createClaimPicker } from './claim-picker.ts';
import type { EngineGate } from './engine-gate.ts';
import { createLease } from './lease.ts';
import { performJob } from './perform-job.ts';
import type { RunningJobs } from './running-jobs.ts';
import type { SlotBoard } from './slot-board.ts';
import type { TextJournal } from './text-journal.ts';
import type { SpeedMeter } from './speed-meter.ts';

export interface JobRunnerOptions extends AttemptRecordOptions {
  readonly jobs: JobStore;
  readonly wakeUps: WakeUps;
  readonly generator: TextGenerator;
  readonly gate: EngineGate;
  readonly running: RunningJobs;
  readonly journal: TextJournal;
  readonly board: Pick<SlotBoard, 'take'>;
  readonly speed: Pick<SpeedMeter, 'addText'>;
  readonly leaseMs: number;
  readonly forbiddenWords: readonly string[];
  /** Called when the database has answered a claim, with a job or without. */
  readonly onClaimAnswered: () => void;
}

interface Attempt {
  readonly job: Job;
  readonly signal: AbortSignal;
  readonly perform: () => Promise<AttemptEnding>;
}

/** How long a result waits for an unreachable database. */
const completeLimitMs = 5 * 60_000;

/** The other outcomes may put the job back into the queue. */
const finalOutcomes: ReadonlySet<AttemptEnding['type']> = new Set(['succeeded', 'failed']);

/** @returns a handler of permits, which never throws */
export function createJobRunner(options: JobRunnerOptions): () => Promise<PermitResult> {
  const { jobs, generator, gate, running, journal, board, speed, logger, workerId, leaseMs } = options;
  const announcer = createChangeAnnouncer(options.wakeUps);
  const pickClass = createClaimPicker();
  const isRefused = createPromptPolicy(options.forbiddenWords);

  return async function runNextJob() {
    if (!(await gate.enter())) return 'unused';
    try {
      const { model } = generator;
      if (model === null) return 'unused';
      const claimed = await jobs.claim({ workerId, leaseMs, model: model.identity, fromClass: pickClass() });
      options.onClaimAnswered();
      return claimed === null ? 'nothing' : await runJob(claimed);
    } catch (error) {
      logger.error({ reason: errorLine(error) }, 'a permit could not be used');
      return 'unused';
    } finally {
      gate.leave();
    }
  };

  async function runJob(claimed: ClaimedJob): Promise<'done' | 'returned'> {
    const { job, remainingMs } = claimed;
    const record = recordAttempt(claimed, options);
    const signal = running.add(job);
    const text = journal.open(job);
    const leaveSlot = board.take(job, text);
    const lease = createLease({
      jobs,
      claim: job,
      leaseMs,
      logger: record.logger,
      onLost: () => running.abort(job, 'lost'),
      onCancelRequested: () => running.abort(job, 'canceled'),
      onWatched: () => journal.watch([job.id]),
    });
    const deadline = remainingMs === null ? undefined : setTimeout(() => running.abort(job, 'deadline'), remainingMs);
    lease.start();
    announcer.begun(job);
    try {
      await failpoint('worker.after_claim');
      const perform = async (): Promise<AttemptEnding> =>
        await performJob(claimed, { generator, isRefused, text, signal });
      const isSuspect = job.crashCount > 0;
      const ending = isSuspect ? await performAlone({ job, signal, perform }, record.logger) : await perform();
      journal.close(text);
      record.generated(ending);
      if (ending.type === 'succeeded') speed.addText({ ...ending.result, tokenBudget: job.tokenBudget });
      const receipt = ending.type === 'lost' ? 'stale' : await complete(claimed, ending, record.logger);
      record.ended(ending, receipt);
      const isWritten = receipt === 'applied' || receipt === 'already';
      return isWritten && finalOutcomes.has(ending.type) ? 'done' : 'returned';
    } finally {
      clearTimeout(deadline);
      // Not awaited: the answer to a renewal under way no longer matters.
      void lease.stop();
      journal.close(text);
      leaveSlot();
      running.remove(job);
      announcer.ended(job);
    }
  }

  /** While a suspect waits for the engine, it is not to blame for the end of its worker. */
  async function performAlone({ job, signal, perform }: Attempt, jobLogger: Logger): Promise<AttemptEnding> {
    /** @returns whether the attempt may go on */
    async function setWaiting(isWaiting: boolean): Promise<boolean> {
      const write = async (): Promise<boolean> => await jobs.setWaiting(job, isWaiting);
      try {
        return await retryUntilAvailable(write, { name: 'database', logger: jobLogger, signal });
      } catch (error) {
        if (signal.aborted) return true;
        throw error;
      }
    }
    const mustWait = gate.isShared;
    if (mustWait && !(await setWaiting(true))) return { type: 'lost' };
    return await gate.runAlone(signal, async () =>
      mustWait && !(await setWaiting(false)) ? { type: 'lost' } : await perform(),
    );
  }

  /** @returns `unknown` when the outcome could not be written: the job returns to the queue when its lease expires */
  async function complete({ job }: ClaimedJob, outcome: Outcome, jobLogger: Logger) {
    try {
      await failpoint('worker.before_complete');
      const receipt = await retryUntilAvailable(() => jobs.complete(job, outcome), {
        name: 'database',
        logger: jobLogger,
        signal: running.givenUp,
        limitMs: completeLimitMs,
      });
      await failpoint('worker.after_complete');
      return receipt;
    } catch (error) {
      jobLogger.error({ outcome: outcome.type, reason: errorLine(error) }, 'the outcome could not be written');
      return 'unknown' as const;
    }
  }
}
