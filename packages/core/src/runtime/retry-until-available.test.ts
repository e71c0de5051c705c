import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { AppError } from '../errors.ts';
import type { Logger } from '../ports/logger.ts';
import { retryUntilAvailable } from './retry-until-available.ts';

const ignore = (): void => undefined;
const logger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore, child: () => logger };
const options = { name: 'database', logger };

/** Tests of other files in this process may have left some. */
const countTimers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

describe('a retry until a service is available', () => {
  it('tries again after a retryable error', async () => {
    let tries = 0;
    const attempt = async (): Promise<number> => {
      tries += 1;
      if (tries < 2) throw new AppError('database_unavailable');
      return tries;
    };
    expect(await retryUntilAvailable(attempt, { ...options, signal: new AbortController().signal })).toBe(2);
  });

  it('throws an error that is not retryable', async () => {
    const { signal } = new AbortController();
    const failing = retryUntilAvailable(() => Promise.reject(new Error('a bug')), { ...options, signal });
    await expect(failing).rejects.toThrow('a bug');
  });

  it('ends at an abort although the try hangs', async () => {
    const controller = new AbortController();
    const hanging = retryUntilAvailable(() => new Promise(() => undefined), { ...options, signal: controller.signal });
    controller.abort(new Error('no more'));
    await expect(hanging).rejects.toThrow('no more');
  });

  it.each([
    ['hangs', () => new Promise<never>(() => undefined)],
    ['fails', () => Promise.reject(new AppError('database_unavailable'))],
  ])('ends at its limit when the try %s', async (_how, attempt) => {
    const { signal } = new AbortController();
    const late = retryUntilAvailable(attempt, { ...options, signal, limitMs: 50 });
    await expect(late).rejects.toThrow('The database was not available within 0.05 s.');
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('leaves no listener on the signal and no timer', async () => {
    const { signal } = new AbortController();
    const before = countTimers();
    let tries = 0;
    const attempt = async (): Promise<void> => {
      tries += 1;
      expect(getEventListeners(signal, 'abort')).toHaveLength(1);
      if (tries < 2) throw new AppError('database_unavailable');
    };
    await retryUntilAvailable(attempt, { ...options, signal, limitMs: 60_000 });
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    expect(countTimers()).toBeLessThanOrEqual(before);
  });
});
