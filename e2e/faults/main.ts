/**
 * A long random run: `pnpm faults --minutes 30 --seed 7`. Two APIs and three workers run under a steady load of two
 * owners, with one fault after another, which the seed chooses. The checker's verdict comes at the end. The history
 * stays in data/faults/ and can be checked again with `--check FILE`.
 */
import { createWriteStream } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errorLine, exitWith, parseDecimal, readArguments, UsageError } from '@prosemill/core';
import { openSmallDisk, type SmallDisk } from '@prosemill/testkit';
import { checkHistory, type Violation } from '../proof/history/check-history.ts';
import { fromJsonLines, toJsonLines } from '../proof/history/history.ts';
import { Cluster } from './cluster.ts';
import { createFaultMenu, type TimedFault } from './fault-menu.ts';
import { startLoad } from './load.ts';
import { createOwner, withKeys } from './owners.ts';
import { createRandom } from './random.ts';
import { faultLasts } from './until.ts';

const folder = fileURLToPath(new URL('../../data/faults', import.meta.url));
/** The windows in which throughput is measured: before the first fault and after the recovery from the last. */
const quietMs = 60_000;
const recoverWithinMs = 60_000;
/** The range of the pause between two faults. */
const pauseMs = [2_000, 12_000] as const;
const drainMs = 5 * 60_000;
/**
 * The size of the database's disk: a base and an amount for each minute, twice the size of the rows that the load
 * stores.
 */
const diskBytes = { base: 64 * 1_024 ** 2, perMinute: 8 * 1_024 ** 2 } as const;
/** Owners, each with a key. */
const ownerIds = ['ann', 'bob'] as const;

const usage = 'usage: pnpm faults [--minutes 30] [--seed 7] [--size full|postgres] [--check FILE]';

await main().then((code) => (process.exitCode = code), exitWith);

async function main(): Promise<number> {
  const { values } = readArguments(
    {
      options: {
        minutes: { type: 'string', default: '30' },
        seed: { type: 'string', default: String(Date.now() % 1_000_000) },
        size: { type: 'string', default: 'full' },
        check: { type: 'string' },
      },
    },
    usage,
  );
  const { minutes, seed, size, check } = values;
  return report(check === undefined ? await run(readPlan({ minutes, seed, size })) : await checkFile(check));
}

interface Plan {
  readonly minutes: number;
  readonly seed: number;
  readonly size: 'full' | 'postgres';
}

function readPlan(given: { readonly [Name in keyof Plan]: string }): Plan {
  const minutes = parseDecimal(given.minutes);
  const seed = parseDecimal(given.seed);
  const { size } = given;
  if (minutes === null || minutes <= 0)
    throw new UsageError([`--minutes: must be a number above 0, not ${given.minutes}`], usage);
  if (seed === null || !Number.isSafeInteger(seed))
    throw new UsageError([`--seed: must be a whole number, not ${given.seed}`], usage);
  if (size !== 'full' && size !== 'postgres')
    throw new UsageError([`--size: must be full or postgres, not ${size}`], usage);
  return { minutes, seed, size };
}

async function checkFile(path: string): Promise<readonly Violation[]> {
  return checkHistory(fromJsonLines(await readFile(path, 'utf8')));
}

function report(violations: readonly Violation[]): number {
  for (const { invariant, message } of violations) print(`${invariant}: ${message}`);
  print(violations.length === 0 ? 'No violation.' : `${violations.length} violations.`);
  return violations.length === 0 ? 0 : 1;
}

async function run({ minutes, seed, size }: Plan): Promise<readonly Violation[]> {
  print(`pnpm faults --minutes ${minutes} --seed ${seed} --size ${size}`);
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${size}-${seed}.jsonl`);
  const file = createWriteStream(path);
  const cluster = await Cluster.launch({
    size,
    disk: await openDisk(diskBytes.base + minutes * diskBytes.perMinute),
    apis: 2,
    workers: 3,
    environment: { ...withKeys, WORKERS: '4', SHUTDOWN_GRACE_SECONDS: '2' },
    limits: { recoverWithinMs, gauges: { depth: { max: 5_000, final: 0 } } },
    onEntry: (entry) => void file.write(toJsonLines([entry])),
  });
  // Ctrl-C also ends the processes and servers.
  process.once('SIGINT', () => void cluster.stop().then(() => process.exit(130)));
  try {
    await play(cluster, { seed, ms: minutes * 60_000 }).catch((error: unknown) => print(errorLine(error)));
    return await cluster.verdict();
  } finally {
    await cluster.stop();
    file.end();
    print(`The history is in ${path}.`);
  }
}

/** @returns null where this machine allows no mount; then the run has no full disk */
async function openDisk(sizeBytes: number): Promise<SmallDisk | null> {
  try {
    return await openSmallDisk(Math.ceil(sizeBytes));
  } catch (error) {
    print(`No disk will be full: ${errorLine(error)}`);
    return null;
  }
}

async function play(cluster: Cluster, { seed, ms }: { readonly seed: number; readonly ms: number }): Promise<void> {
  const random = createRandom(seed);
  const end = performance.now() + ms;
  const owners = await Promise.all(ownerIds.map(async (ownerId) => await createOwner(cluster, ownerId)));
  const load = startLoad({ cluster, random, owners });
  await load.measure(quietMs);
  const menu = createFaultMenu(cluster, random);
  while (performance.now() < end - recoverWithinMs - quietMs) {
    await Promise.all(menu.next().map((fault) => suffer(cluster, fault)));
    await faultLasts(random.between(pauseMs));
  }
  await faultLasts(recoverWithinMs);
  await load.measure(quietMs);
  await load.stop();
  await cluster.settle(drainMs);
  await load.sampleDepth();
}

async function suffer(cluster: Cluster, { name, lastsMs, begin, heal }: TimedFault): Promise<void> {
  print(`${new Date().toISOString()} ${name} for ${(lastsMs / 1_000).toFixed(1)} s`);
  cluster.recorder.add({ type: 'fault-start', fault: name });
  await begin(cluster);
  await faultLasts(lastsMs);
  await heal(cluster);
  cluster.recorder.add({ type: 'fault-healed', fault: name });
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
