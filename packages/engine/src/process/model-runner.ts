/** The port between the engine's process and its two engines. */
import type { TextRun } from '../sampling/text-run.ts';

export interface ModelRunner {
  /** The name and version of the code that computes, for the fingerprint. */
  readonly version: string;
  /**
   * Appends tokens to a run until it ends. Waits first while all slots are taken. A canceled run is dropped within one
   * step.
   * @param onStart  Called when the run gets its slot.
   * @throws the errors of the native library
   */
  run(textRun: TextRun, onStart: () => void): Promise<void>;
}
