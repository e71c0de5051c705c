/** A server as a contestant. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Contestant } from '../contestants/contestant.ts';
import type { Work, WorkResult } from '../work.ts';
import { askAll } from './ask-all.ts';
import type { Protocol } from './protocols.ts';
import type { Server } from './server.ts';

export interface ServedOptions {
  readonly name: string;
  readonly server: Server;
  readonly ask: Protocol;
  /** A short text, which tells that the server is ready. */
  readonly shortWork: Work;
  /** Does the work instead of clients that ask for one text after the other. */
  readonly perform?: (work: readonly Work[], inFlight: number) => Promise<WorkResult>;
}

/** Time for a server that was suspended: its timers run out all at once. */
const settleMs = 1_000;
const startLimitMs = 300_000;
const retryMs = 500;

/**
 * Waits until the server answers. From then on it is suspended except while it works.
 * @throws {Error} when the server ends or does not answer within five minutes
 */
export async function createServedContestant(options: ServedOptions): Promise<Contestant> {
  const { name, server, shortWork } = options;
  const { perform = async (work, inFlight) => await askTexts(options, work, inFlight) } = options;
  await waitForText(options).catch(async (error: unknown) => {
    await server.stop();
    throw error;
  });
  server.suspend();
  return {
    name,
    async run(work, inFlight) {
      server.resume();
      await pause(settleMs);
      await askChecked(options, shortWork, 0);
      const result = await perform(work, inFlight);
      server.suspend();
      return result;
    },
    stop: async () => await server.stop(),
  };
}

async function waitForText({ server, ask, shortWork }: ServedOptions): Promise<void> {
  const deadline = performance.now() + startLimitMs;
  for (;;) {
    try {
      await ask(server.url, shortWork, 0);
      return;
    } catch (error) {
      if (performance.now() > deadline || server.hasEnded()) throw error;
      await pause(retryMs);
    }
  }
}

const askTexts = async (options: ServedOptions, work: readonly Work[], inFlight: number): Promise<WorkResult> =>
  await askAll(work, inFlight, async (piece, index) => await askChecked(options, piece, index + 1));

/**
 * @returns the number of new tokens
 * @throws {Error} when the text or its prompt does not have the expected number of tokens
 */
async function askChecked({ name, server, ask }: ServedOptions, work: Work, seed: number): Promise<number> {
  const { promptTokens, newTokens } = await ask(server.url, work, seed);
  if (promptTokens !== work.promptIds.length || newTokens !== work.newTokens) {
    const expected = `${work.promptIds.length} + ${work.newTokens}`;
    throw new Error(`${name}: asked for ${expected} tokens, got ${promptTokens} + ${newTokens}`);
  }
  return newTokens;
}
