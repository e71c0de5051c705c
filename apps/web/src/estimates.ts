/** How far the estimated times of texts are from the truth, so that a reader knows what to think of them. */
import type { MachineBody } from '@prosemill/contract';
import { effect, type ReadonlySignal, signal } from '@preact/signals';
import { getMachine } from './requests.ts';
import { everyWhileVisible } from './while-visible.ts';

type EstimateError = MachineBody['estimate_error'];

/** Null: not known. */
export const estimateError = signal<EstimateError>(null);

const readMs = 60_000;

/**
 * Reads the error while estimates are shown: a look at the machine costs a little.
 * @returns ends it
 */
export const watchEstimateError = (isNeeded: ReadonlySignal<boolean>): (() => void) =>
  effect(() => {
    if (!isNeeded.value) return undefined;
    return everyWhileVisible(readMs, async () => {
      const answer = await getMachine();
      if (answer.ok) estimateError.value = answer.body.estimate_error;
    });
  });

/** `usually right within 20 %`, which is true of 19 in 20; empty while there were no estimates to compare. */
export function describeEstimates(error: EstimateError): string {
  const share = error?.p95 ?? null;
  if (share === null) return '';
  return share > 1 ? 'a rough guess' : `usually right within ${Math.max(1, Math.ceil(100 * share))} %`;
}
