/** One run for the whole workspace: the servers start once, every file gets a database and a Redis prefix of its own. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['packages/*/src/**/*.test.ts', 'apps/*/src/**/*.test.ts', 'bench/src/**/*.test.ts', 'e2e/**/*.test.ts'],
    globalSetup: ['packages/testkit/src/global-setup.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
    passWithNoTests: false,
    // For .ci/run, which counts.
    reporters: ['default', 'json'],
    outputFile: { json: 'node_modules/.vitest-report.json' },
  },
});
