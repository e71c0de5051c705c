/** Config of `infra/images/verify`, which builds images and so is not part of `pnpm test`. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['e2e/images/*.verify.ts'],
    globalSetup: ['packages/testkit/src/global-setup.ts'],
    testTimeout: 120_000,
    // A build downloads, installs and measures.
    hookTimeout: 30 * 60_000,
    expect: { poll: { timeout: 30_000 } },
  },
});
