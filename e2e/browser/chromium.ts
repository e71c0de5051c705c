/** Chromium for tests: from CHROMIUM_PATH, the PATH, or Debian's package. */
import { type Program, programOfDebian, programOnPath } from '@prosemill/testkit';
import { type Browser, chromium } from 'playwright-core';

/** The fonts have all characters of the page. */
const debianPackage = {
  packages: ['chromium', 'fonts-liberation', 'fonts-dejavu-core'],
  binary: 'bin/chromium',
} as const;

/**
 * @param args  Of its command line. Default: none of its own.
 * @throws an error with the ways to get Chromium
 */
export async function launchChromium(args: readonly string[] = []): Promise<Browser> {
  const { command, env } = await findChromium();
  return await chromium.launch({ executablePath: command, args: [...args], env: { ...process.env, ...env } });
}

async function findChromium(): Promise<Program> {
  const given = process.env['CHROMIUM_PATH'];
  if (given !== undefined && given !== '') return { command: given, env: {} };
  let cause: unknown;
  const found =
    (await programOnPath(['chromium', 'chromium-browser', 'google-chrome'])) ??
    (await programOfDebian(debianPackage).catch((error: unknown) => {
      cause = error;
      return null;
    }));
  if (found !== null) return found;
  throw new Error(
    'These tests need Chromium: at CHROMIUM_PATH, on the PATH, or as a Debian package that apt-get can install.',
    { cause },
  );
}
