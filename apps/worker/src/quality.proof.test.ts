/** `pnpm quality` as a process, on copies of the shipped model. */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';

const tinyTales = fileURLToPath(new URL('../../../models/tiny-tales', import.meta.url));
const script = fileURLToPath(new URL('quality.ts', import.meta.url));
/** Shorter than the default text. */
const text = fileURLToPath(new URL('../../../packages/engine/texts/calibration.txt', import.meta.url));

let folder: string;
let model: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'prosemill-quality-'));
  onTestFinished(async () => await rm(folder, { recursive: true }));
  model = join(folder, 'tiny');
  await cp(tinyTales, model, { recursive: true, filter: (path) => !path.endsWith('quality.json') });
});

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function quality(environment: Readonly<Record<string, string>>, ...flags: string[]): Promise<Ended> {
  const env = { ...process.env, MODEL: model, MODEL_DIR: folder, ...environment };
  try {
    return { code: 0, ...(await promisify(execFile)(process.execPath, [script, ...flags], { env })) };
  } catch (error) {
    return error as Ended;
  }
}

const prepared = async (): Promise<readonly string[]> => await readdir(join(folder, 'prepared'));

describe('pnpm quality', () => {
  it('prints a table and writes the report beside the model', async () => {
    const { stdout } = await quality({}, '--text', text);
    expect(stdout).toMatch(
      /^tiny on calibration\.txt, 1\d{3} tokens;.*\n *dtype +perplexity.*\n +fp32 .* yes\n +int8 /,
    );
    expect(stdout).toMatch(
      /Written to .*quality\.json\. With MODEL_DTYPE not set the model runs in (?:fp32|int8)\.\n$/,
    );
    const report: unknown = JSON.parse(await readFile(join(model, 'quality.json'), 'utf8'));
    expect(report).toMatchObject({ text: { name: 'calibration.txt' }, dtypes: { fp32: { isPassed: true } } });
    expect(await prepared()).toEqual([expect.stringMatching(/^[0-9a-f]{16}-int8-\S+$/)]);
  });

  it('keeps no int8 weights for an image that sets another dtype', async () => {
    await quality({ MODEL_DTYPE: 'fp32' }, '--text', text, '--for-image');
    expect(await prepared()).toEqual([]);
  });

  it('refuses a model that batched does not run, in one line, except for an image', async () => {
    const refused = await quality({ ENGINE: 'transformers' });
    expect([refused.code, refused.stderr]).toEqual([
      1,
      'prosemill: tiny runs with the engine transformers: only models that batched can run have a quality to measure\n',
    ]);
    const passedOver = await quality({ ENGINE: 'transformers' }, '--for-image');
    expect([passedOver.code, passedOver.stdout]).toEqual([0, expect.stringContaining('the engine transformers')]);
    expect(await readdir(model)).not.toContain('quality.json');
  });
});
