/** The files of a repository on the hub. Failed requests are retried. */
import { setTimeout as wait } from 'node:timers/promises';
import { AppError, backoffMs, reconnectBackoff } from '@prosemill/core';
import type { FileSource } from './file-source.ts';
import { type HubFile, type HubTimeouts, readHubText, type Repository, statHubFile } from './hub.ts';

export interface HubRequest {
  readonly repository: Repository;
  /** The number of attempts for each request, at least 1, with growing pauses between them. */
  readonly tries: number;
  readonly timeouts: HubTimeouts;
  readonly signal: AbortSignal;
}

export interface HubSource extends FileSource {
  /** Asks for each file only once. @throws {AppError} `engine_unavailable` when the hub does not answer */
  find(path: string): Promise<HubFile | null>;
}

export function hubSource(request: HubRequest): HubSource {
  const { repository, timeouts, signal } = request;
  const model = `${repository.id} at ${repository.revision}`;
  const asked = new Map<string, Promise<HubFile | null>>();

  async function find(path: string): Promise<HubFile | null> {
    const known = asked.get(path) ?? withRetries(request, () => statHubFile(repository, path, timeouts, signal));
    asked.set(path, known);
    return await known;
  }

  return {
    model,
    locate: (path) => `${path} of ${model}`,
    find,
    has: async (path) => (await find(path)) !== null,
    async read(path) {
      const file = await find(path);
      return file === null ? null : await withRetries(request, () => readHubText(file, timeouts, signal));
    },
  };
}

/** Retries after transient errors: no answer, an interrupted download, 429, or a server error. */
export async function withRetries<T>(
  { tries, signal }: Pick<HubRequest, 'tries' | 'signal'>,
  run: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run();
    } catch (error) {
      if (attempt >= tries || !(error instanceof AppError) || isFinal(error)) throw error;
      await wait(backoffMs(attempt, reconnectBackoff), undefined, { signal });
    }
  }
}

function isFinal({ details }: AppError): boolean {
  const status = details['status'];
  return typeof status === 'number' && status < 500 && status !== 429;
}
