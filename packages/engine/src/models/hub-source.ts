/** The files of a repository on the hub, asked for with patience. */
import { setTimeout as wait } from 'node:timers/promises';
import { AppError, backoffMs, reconnectBackoff } from '@prosemill/core';
import type { FileSource } from './file-source.ts';
import { type HubFile, type HubTimeouts, readHubText, type Repository, statHubFile } from './hub.ts';

export interface HubRequest {
  readonly repository: Repository;
  /** Tries for each request, at least 1; each wait between them is longer. */
  readonly tries: number;
  readonly timeouts: HubTimeouts;
  readonly signal: AbortSignal;
}

export interface HubSource extends FileSource {
  /** Each file is asked for once. @throws {AppError} `engine_unavailable` when the hub does not say */
  find(path: string): Promise<HubFile | null>;
}

export function hubSource(request: HubRequest): HubSource {
  const { repository, timeouts, signal } = request;
  const model = `${repository.id} at ${repository.revision}`;
  const asked = new Map<string, Promise<HubFile | null>>();

  async function find(path: string): Promise<HubFile | null> {
    const known = asked.get(path) ?? persistently(request, () => statHubFile(repository, path, timeouts, signal));
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
      return file === null ? null : await persistently(request, () => readHubText(file, timeouts, signal));
    },
  };
}

/** Repeats what failed for a reason that may pass: no answer, a broken download, 429 or a server's error. */
export async function persistently<T>(
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
