import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createTestDatabase } from '@prosemill/testkit';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { checkHistory } from '../history/check-history.ts';
import { fromJsonLines, type History } from '../history/history.ts';
import { mutantEnvironment } from './mutant-environment.ts';
import { type ScenarioName, scenarios } from './scenarios.ts';

const run = promisify(execFile);
const program = fileURLToPath(new URL('./scenario-process.ts', import.meta.url));

async function play(name: ScenarioName, environment: Readonly<Record<string, string>>): Promise<History> {
  const { url, drop } = await createTestDatabase(inject('postgresUrl'));
  onTestFinished(drop);
  const env = { PATH: process.env['PATH'], ...environment };
  return fromJsonLines((await run(process.execPath, [program, name, url], { env })).stdout);
}

/** The checker's whole verdict on each bug. */
const expected: Readonly<Record<ScenarioName, readonly RegExp[]>> = {
  'no-attempt-in-guard': [
    /^I4: job \S+ was written as succeeded 2 times: attempt 1 of A, attempt 2 of B$/,
    /^I4: job \S+ succeeded by attempt 1 of A, but is kept as attempt 2$/,
  ],
  'no-status-in-guard': [/^I3: job \S+ went from queued by job-succeeded \(event 4\)$/],
  'lease-not-checked-again': [
    /^I5: job \S+ was taken from attempt 1 \(job-rescued\) \d+ ms before its lease ran out$/,
    /^I5: job \S+ ran twice at once: attempt 1 of A and attempt 2 of B, and the first had its lease$/,
  ],
  'no-new-epoch': [/^I4: job \S+ has dispatch_epoch 0, but its events make it 1$/],
  'acknowledged-before-written': [/^I1: job \S+ was accepted \(call 1 of client\) and is not in the database$/],
  'key-not-looked-up': [/^I2: key a-key of local stands for 2 jobs: \S+, \S+$/],
};

describe.each(Object.keys(scenarios) as readonly ScenarioName[])('the scenario for %s', (name) => {
  it('breaks no promise as the code is', async () => {
    const history = await play(name, {});
    expect(checkHistory(history)).toEqual([]);
    expect(history.some((entry) => entry.type === 'job-row' && entry.row.status === 'succeeded')).toBe(true);
  });

  it('is rejected with the bug', async () => {
    const found = checkHistory(await play(name, mutantEnvironment(name)));
    const lines = found.map(({ invariant, message }) => `${invariant}: ${message}`);
    expect(lines).toEqual(expected[name].map((pattern) => expect.stringMatching(pattern) as string));
  });
});
