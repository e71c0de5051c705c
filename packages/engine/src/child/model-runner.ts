/** What runs texts inside the engine's process. */
import type { TextRun } from '../sampling/text-run.ts';

export interface ModelRunner {
  /** Names the code that computes, for the fingerprint. */
  readonly version: string;
  /**
   * Feeds a run with tokens until it ends; waits for its turn when there are too many. A run that is canceled meanwhile is left within a step.
   * @param onStart  Called when its turn has come.
   * @throws what the native library throws
   */
  run(textRun: TextRun, onStart: () => void): Promise<void>;
}
