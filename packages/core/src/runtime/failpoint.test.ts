import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { armedFailpoint, armFailpoint, failpoint } from './failpoint.ts';

describe('a failpoint', () => {
  afterEach(() => armFailpoint({}));

  it('does nothing unless it is armed', async () => {
    await failpoint('worker.after_claim');
    armFailpoint({ FAILPOINT: 'worker.before_complete:throw' });
    await failpoint('worker.after_claim');
    expect(armedFailpoint()).toBe('worker.before_complete:throw');
  });

  it('throws when it is armed with throw', async () => {
    armFailpoint({ FAILPOINT: 'worker.after_claim:throw', NODE_ENV: 'test' });
    await expect(failpoint('worker.after_claim')).rejects.toThrow('failpoint worker.after_claim');
  });

  it('kills its process when it is armed with kill9', async () => {
    const module = new URL('failpoint.ts', import.meta.url).href;
    const script = `
      const { armFailpoint, failpoint } = await import(process.argv[1]);
      armFailpoint({ FAILPOINT: 'worker.after_claim:kill9' });
      await failpoint('worker.after_claim');`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script, module], { stdio: 'ignore' });
    expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
  });

  it.each(['worker.after_claim', 'worker.after_claim:explode', 'nowhere:throw', 'worker.after_claim:throw:twice', ''])(
    'is refused as %o',
    (text) => {
      expect(() => armFailpoint({ FAILPOINT: text })).toThrow(/FAILPOINT: must be one of submit\.after_commit, /);
      expect(armedFailpoint()).toBeUndefined();
    },
  );

  it('is refused in production', () => {
    const config = { FAILPOINT: 'worker.after_claim:kill9', NODE_ENV: 'production' };
    expect(() => armFailpoint(config)).toThrow('FAILPOINT: must not be set when NODE_ENV is production');
    armFailpoint({ NODE_ENV: 'production' });
  });
});
