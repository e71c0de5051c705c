/** Waits for the effects of faults, inside and outside of vitest. */
import { setTimeout as delay } from 'node:timers/promises';
import { scaled } from './scale.ts';

const pollMs = 50;

/** Promised times are for an idle machine. Beside other tests this factor applies; the full run applies none. */
export const patience = scaled(3, 1);

/**
 * Repeats the question until the answer is yes. An exception counts as no.
 * @throws after `withinMs`, with the last exception as cause
 */
export async function until(what: string, isSo: () => Promise<boolean> | boolean, withinMs: number): Promise<void> {
  const end = performance.now() + withinMs;
  let failure: unknown;
  for (;;) {
    try {
      if (await isSo()) return;
      failure = undefined;
    } catch (error) {
      failure = error;
    }
    if (performance.now() > end) throw new Error(`Waited ${withinMs} ms for ${what}.`, { cause: failure });
    await delay(pollMs);
  }
}

/** Waits while a fault lasts: its duration is part of the fault. */
export const faultLasts = async (ms: number): Promise<void> => await delay(ms);
