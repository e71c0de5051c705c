/**
 * The tests, in projects that run one after another. The name or the folder of a test file tells its project:
 *
 *   unit      *.test.ts           no server, no engine, no waiting
 *   service   *.service.test.ts   servers, processes, the engine on one thread; these tests wait more than they compute
 *   alone     *.alone.test.ts     measures time or memory, or uses all cores; one file runs at a time
 *   browser   *.browser.test.ts   the page in Chromium, on the real service
 *   proofs    *.proof.test.ts, *.faults.test.ts, e2e/proof
 *                                 compares for a long time, or breaks servers and networks
 *   faults    e2e/faults          kills processes and servers of a whole service
 *   attacks   e2e/attacks         floods and slow clients, with all cores; one file runs at a time
 *
 * `pnpm test:unit` runs the first, `pnpm test` the first three, `pnpm test:browser` the fourth, and `pnpm test:faults`
 * the rest; a path runs in any.
 */
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import { parseCLI } from 'vitest/node';

const anywhere = '{apps,bench,e2e,packages}/**';
const faultFolder = 'e2e/faults/**';
const attackFolder = 'e2e/attacks/**';
const proofFolder = 'e2e/proof/**';
/** A Postgres and a Redis: the first project that needs them starts them for all. And the page of the service. */
const globalSetup = ['packages/testkit/src/global-setup.ts', 'e2e/build-page.ts'];

const project = (
  name: string,
  groupOrder: number,
  options: TestProjectInlineConfiguration['test'],
): TestProjectInlineConfiguration => ({ extends: true, test: { name, sequence: { groupOrder }, ...options } });

const everyCommit = [
  project('unit', 0, {
    include: [`${anywhere}/*.test.ts`],
    exclude: [
      '**/node_modules/**',
      '**/*.{service,alone,browser,faults,proof}.test.ts',
      faultFolder,
      attackFolder,
      proofFolder,
    ],
    maxWorkers: '100%',
    // Half of the time was the import of the same modules for each file. So these tests leave nothing behind.
    isolate: false,
    unstubGlobals: true,
  }),
  project('service', 1, { include: [`${anywhere}/*.service.test.ts`], maxWorkers: 4, globalSetup }),
  project('alone', 2, { include: [`${anywhere}/*.alone.test.ts`], maxWorkers: 1, globalSetup }),
];
const everyMerge = [
  project('browser', 3, { include: ['e2e/browser/*.browser.test.ts'], maxWorkers: 2, globalSetup }),
  project('proofs', 4, {
    include: [`${anywhere}/*.{faults,proof}.test.ts`, `${proofFolder}/*.test.ts`],
    exclude: ['**/node_modules/**', attackFolder],
    maxWorkers: 2,
    globalSetup,
  }),
  // These tests wait for leases and outages more than they compute.
  project('faults', 5, { include: [`${faultFolder}/*.test.ts`], maxWorkers: 2, globalSetup }),
  project('attacks', 6, { include: [`${attackFolder}/*.test.ts`], maxWorkers: 1, globalSetup }),
];

const { filter, options } = parseCLI(['vitest', ...process.argv.slice(2)]);
const isWhole = filter.length === 0 && options.project === undefined;

export default defineConfig({
  test: {
    projects: isWhole ? everyCommit : [...everyCommit, ...everyMerge],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 60_000 } },
    // The first line of an error, which .ci/run repeats at its end, names the values, not only their number.
    chaiConfig: { truncateThreshold: 1_000 },
    passWithNoTests: false,
    // Some tests run onnxruntime without an engine process.
    env: { ORT_DISABLE_TELEMETRY: '1' },
    // For .ci/run, which counts.
    reporters: ['default', 'json'],
    outputFile: { json: 'node_modules/.vitest-report.json' },
  },
});
