import { describe, expect, it } from 'vitest';
import { AppError } from './errors.ts';
import type { Logger } from './ports/logger.ts';
import { retryUntilAvailable } from './retry-until-available.ts';

const ignore = (): void => undefined;
const logger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore, child: () => logger };
const options = { name: 'database', logger };

describe('a retry until something is available', () => {
  it('tries again while it is not', async () => {
    let tries = 0;
    const attempt = async (): Promise<number> => {
      tries += 1;
      if (tries < 2) throw new AppError('database_unavailable');
      return tries;
    };
    expect(await retryUntilAvailable(attempt, { ...options, signal: new AbortController().signal })).toBe(2);
  });

  it('throws what is no reason to wait', async () => {
    const { signal } = new AbortController();
    const failing = retryUntilAvailable(() => Promise.reject(new Error('a bug')), { ...options, signal });
    await expect(failing).rejects.toThrow('a bug');
  });

  it('does not wait for a try that hangs once it is told to end', async () => {
    const controller = new AbortController();
    const hanging = retryUntilAvailable(() => new Promise(() => undefined), { ...options, signal: controller.signal });
    controller.abort(new Error('no more'));
    await expect(hanging).rejects.toThrow('no more');
  });
});
