/** The examples in docs/examples: each runs against a service, and the pages that show them show what runs. */
import { execFile } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Service } from './launch.ts';
import { launchEmbedded } from './sizes.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = 'docs/examples';
/** The command line of the workspace. */
const commands = join(root, folder, 'node_modules/.bin');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** The program and the arguments in front of the file, by the ending of the file's name. */
const programs: Readonly<Record<string, readonly [string, ...string[]]>> = {
  '.sh': ['bash'],
  // `EventSource` is a part of browsers, and experimental in Node.
  '.mjs': [process.execPath, '--no-warnings', '--experimental-eventsource'],
  '.py': ['python3'],
};
const limitMs = 240_000;
/** A block that names its file behind its language: ```sh docs/examples/stream.sh */
const exampleBlock = /^```\w+ (docs\/examples\/\S+)\n([\s\S]*?)^```$/gm;

const examples = globSync(
  Object.keys(programs).map((ending) => `${folder}/*${ending}`),
  { cwd: root },
).toSorted();
const pages = globSync(['*.md', 'docs/**/*.md'], { cwd: root });

describe('the examples', () => {
  let service: Service;
  beforeAll(async () => {
    service = await launchEmbedded({ WORKERS: '4', WEBHOOK_ALLOW_PRIVATE: '1' });
  });
  afterAll(async () => await service.stop());

  it.concurrent.each(examples)('%s runs', async (path) => {
    const [program = '', ...args] = programs[extname(path)] ?? [];
    const { stdout, stderr } = await promisify(execFile)(program, [...args, join(root, path)], {
      cwd: root,
      env: {
        PATH: `${commands}:${process.env['PATH']}`,
        HOME: process.env['HOME'],
        BASE_URL: service.url,
        API_KEY: 'not-needed',
      },
      timeout: limitMs,
    });
    expect({ stdout, stderr }).toEqual({ stdout: expect.stringMatching(/\S/), stderr: '' });
  });

  it('writes the text that the README shows', async () => {
    const [, shown = ''] = /^```json\n([\s\S]*?)^```$/m.exec(read('README.md')) ?? [];
    const { prompt, seed, generated_text, usage } = JSON.parse(shown) as Record<string, unknown>;
    const response = await fetch(`${service.url}/generate`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ prompt, seed }),
    });
    expect(await response.json()).toMatchObject({ generated_text, usage });
  });
});

describe('the pages', () => {
  it.each(examples)('have %s in the README of the examples', (path) => {
    expect(read(`${folder}/README.md`)).toContain(`](${basename(path)})`);
  });

  it('show the examples as they are', () => {
    const blocks = pages.flatMap((page) => Array.from(read(page).matchAll(exampleBlock)));
    for (const [, path = '', text] of blocks) expect(text).toBe(read(path));
  });
});
