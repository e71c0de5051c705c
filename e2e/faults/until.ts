/** Waiting for what a fault leads to, inside and outside of vitest. */
import { setTimeout as delay } from 'node:timers/promises';
import { scaled } from './scale.ts';

const pollMs = 50;

/** Times are promised for a machine that has nothing else to do. Beside other tests they may be so many times as long; the full run is held to them. */
export const patience = scaled(3, 1);

/** Asks until the answer is yes. A question that fails counts as no. @throws after `withinMs`, with the last failure */
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

/** How long a fault lasts is part of it. */
export const faultLasts = async (ms: number): Promise<void> => await delay(ms);
