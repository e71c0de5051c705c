/**
 * Tests the contract with Schemathesis: `pnpm schemathesis --size full --examples 800 --seed 7`. Starts the service on
 * a free port with a database of its own. Schemathesis draws requests from /openapi.json, follows links, and checks
 * every answer. Needs Python 3.11 or later.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient } from '@prosemill/client';
import { exitWith, isWholeNumber, readArguments, UsageError, wholeNumberProblem } from '@prosemill/core';
import { launchPostgres, launchRedis } from '@prosemill/testkit';
import { installPythonPackages } from '../python-packages.ts';
import { type Environment, launchSeparate, launchStandalone, type Service } from '../launch.ts';

interface Report {
  readonly test_cases: { readonly generated: number; readonly with_failures: number; readonly errored: number };
}

interface Key {
  readonly id: string;
  readonly secret: string;
}

const here = fileURLToPath(new URL('.', import.meta.url));
const folder = fileURLToPath(new URL('../../data/schemathesis', import.meta.url));
const reportPath = join(folder, 'report.json');

/** A run with fewer cases proves too little. */
const minCases = 5_000;

const usage = 'usage: pnpm schemathesis [--size embedded|full] [--auth off|keys] [--examples 500] [--seed 7]';
const { size, auth, examples, seed } = readPlan();
const adminKey = randomBytes(32).toString('hex');
const environment: Environment = {
  // The default number of texts at once.
  WORKERS: '',
  AUTH: auth,
  ...(auth === 'keys' ? { ADMIN_KEY: adminKey, RATE_LIMIT_PER_MINUTE: '0' } : {}),
};

await main().then((code) => (process.exitCode = code), exitWith);

async function main(): Promise<number | null> {
  const programs = await installPythonPackages(join(here, 'requirements.txt'), join(folder, 'venv'));
  const service = await (size === 'full' ? launchFull() : launchEmbedded());
  try {
    return await runSchemathesis(service.url, programs);
  } finally {
    await service.stop();
  }
}

interface Plan {
  readonly size: string;
  readonly auth: string;
  /** The largest number of cases for each route in each phase. */
  readonly examples: string;
  readonly seed: string;
}

function readPlan(): Plan {
  try {
    const options = {
      size: { type: 'string', default: 'embedded' },
      auth: { type: 'string', default: 'off' },
      examples: { type: 'string', default: '500' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    } as const;
    const { values } = readArguments({ options }, usage);
    const problems = problemsOf(values);
    if (problems.length > 0) throw new UsageError(problems, usage);
    return values;
  } catch (error) {
    return exitWith(error);
  }
}

function problemsOf(plan: Plan): readonly string[] {
  const problems: string[] = [];
  if (!['embedded', 'full'].includes(plan.size)) problems.push(`--size: must be embedded or full, not ${plan.size}`);
  if (!['off', 'keys'].includes(plan.auth)) problems.push(`--auth: must be off or keys, not ${plan.auth}`);
  for (const [name, min] of [
    ['examples', 1],
    ['seed', 0],
  ] as const) {
    if (!isWholeNumber(plan[name], { min })) problems.push(`--${name}: ${wholeNumberProblem({ min }, plan[name])}`);
  }
  return problems;
}

/** @returns the exit code, or 1 after too few cases */
async function runSchemathesis(url: string, programs: string): Promise<number | null> {
  await rm(reportPath, { force: true });
  const options = ['--max-examples', examples, '--seed', seed, '--report', 'json', '--report-json-path', reportPath];
  const key = auth === 'keys' ? await makeKey(url) : { id: 'none', secret: 'none' };
  const variables = { PROSEMILL_KEY_ID: key.id, PROSEMILL_KEY: key.secret };
  const code = await exitOf(join(programs, 'st'), ['run', `${url}/openapi.json`, ...options], variables);
  const { test_cases: cases } = JSON.parse(await readFile(reportPath, 'utf8')) as Report;
  print(`pnpm schemathesis --size ${size} --auth ${auth} --examples ${examples} --seed ${seed}`);
  print(`${cases.generated} cases of at least ${minCases}, ${cases.with_failures + cases.errored} failed`);
  return code === 0 && cases.generated < minCases ? 1 : code;
}

/** Makes a key with all scopes. */
async function makeKey(url: string): Promise<Key> {
  const client = createClient({ url, apiKey: adminKey });
  return await client.createKey({ owner: 'schemathesis', name: 'all cases', scopes: ['generate', 'read', 'admin'] });
}

async function launchEmbedded(): Promise<Service> {
  const database = await mkdtemp(join(tmpdir(), 'prosemill-schemathesis-'));
  const started = await launchStandalone({ ...environment, DATABASE_URL: `sqlite:${join(database, 'prosemill.db')}` });
  return endingWith(started, async () => await rm(database, { recursive: true }));
}

async function launchFull(): Promise<Service> {
  const [postgres, redis] = await Promise.all([launchPostgres(), launchRedis()]);
  const stopServers = async () => void (await Promise.all([postgres.stop(), redis.stop()]));
  try {
    const started = await launchSeparate({ ...environment, DATABASE_URL: postgres.url, REDIS_URL: redis.url });
    return endingWith(started, stopServers);
  } catch (error) {
    await stopServers();
    throw error;
  }
}

function endingWith(started: Service, cleanUp: () => Promise<void>): Service {
  return {
    ...started,
    async stop(signal) {
      const codes = await started.stop(signal);
      await cleanUp();
      return codes;
    },
  };
}

/** Runs a program in the folder of checks.py and schemathesis.toml. */
async function exitOf(program: string, args: readonly string[], variables: Environment = {}): Promise<number | null> {
  const options = { cwd: here, env: { ...process.env, ...variables }, stdio: 'inherit' } as const;
  const [code] = await once(spawn(program, args, options), 'exit');
  return code as number | null;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
