/** Files of a repository on the Hugging Face hub, or on a server with the same paths. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AppError } from '@prosemill/core';

export interface Repository {
  /** The base URL, without a slash at the end. */
  readonly endpoint: string;
  /** `owner/name`. */
  readonly id: string;
  /** A commit, tag or branch. */
  readonly revision: string;
}

export interface HubFile {
  readonly path: string;
  readonly url: string;
  /** In bytes; null when the server does not send it. */
  readonly size: number | null;
  /** 64 hex digits; null for small files, for which the hub has none. */
  readonly sha256: string | null;
  readonly commit: string | null;
}

/** The longest time until the hub begins an answer, and between two chunks of it. */
export interface HubTimeouts {
  readonly connectMs: number;
  readonly stallMs: number;
}

const maxRedirects = 5;
/** Without compression Content-Length is the length of the file. */
const headers = { 'Accept-Encoding': 'identity', 'User-Agent': 'prosemill' };

/**
 * Requests a file's metadata without its bytes.
 * @returns null when the repository has no such file
 * @throws {AppError} `engine_unavailable` with the reason
 * @see huggingface_hub's get_hf_file_metadata: size and checksum are headers of the redirect to the storage, not of the
 *   storage's answer
 */
export async function statHubFile(
  repository: Repository,
  path: string,
  { connectMs }: HubTimeouts,
  signal: AbortSignal,
): Promise<HubFile | null> {
  const { endpoint, id, revision } = repository;
  let url = `${endpoint}/${id}/resolve/${encodeURIComponent(revision)}/${path}`;
  for (let redirects = 0; redirects <= maxRedirects; redirects += 1) {
    const response = await ask(url, { method: 'HEAD', redirect: 'manual' }, connectMs, signal);
    const { headers: received } = response;
    const location = received.get('Location');
    // A relative redirect leads to the repository's new name; an absolute one leads to the storage.
    if (isRedirect(response.status) && location !== null && location.startsWith('/')) {
      url = new URL(location, url).href;
      continue;
    }
    if (response.status === 404 && (received.get('X-Error-Code') ?? 'EntryNotFound') === 'EntryNotFound') return null;
    if (!response.ok && !isRedirect(response.status)) throw refused(url, response);
    return {
      path,
      url,
      size: numberOf(received.get('X-Linked-Size') ?? (response.ok ? received.get('Content-Length') : null)),
      sha256: sha256Of(received.get('X-Linked-Etag') ?? received.get('ETag')),
      commit: received.get('X-Repo-Commit'),
    };
  }
  throw new AppError('engine_unavailable', { message: `${url} redirects more than ${maxRedirects} times` });
}

/**
 * Writes a file's bytes to `target`. The file is complete only if this resolves.
 * @param onBytes  Called with the number of bytes so far.
 * @returns the sha256 of the written bytes, 64 hex digits
 * @throws {AppError} `engine_unavailable` with the reason
 */
export async function downloadHubFile(
  file: HubFile,
  target: string,
  { connectMs, stallMs }: HubTimeouts,
  signal: AbortSignal,
  onBytes: (received: number) => void,
): Promise<string> {
  const stall = new AbortController();
  const watchdog = setTimeout(() => stall.abort(new Error(`no bytes for ${stallMs / 1_000} s`)), stallMs);
  const hash = createHash('sha256');
  let received = 0;
  try {
    const response = await ask(file.url, {}, connectMs, AbortSignal.any([signal, stall.signal]));
    if (!response.ok || response.body === null) throw refused(file.url, response);
    await pipeline(
      Readable.fromWeb(response.body),
      async function* count(chunks: AsyncIterable<Uint8Array>) {
        for await (const chunk of chunks) {
          watchdog.refresh();
          hash.update(chunk);
          received += chunk.byteLength;
          onBytes(received);
          yield chunk;
        }
      },
      createWriteStream(target),
    );
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof AppError) throw error;
    const cause = stall.signal.aborted ? stall.signal.reason : causeOf(error);
    throw new AppError('engine_unavailable', {
      message: `the download of ${file.path} was interrupted after ${received} bytes`,
      cause,
    });
  } finally {
    clearTimeout(watchdog);
  }
  if (file.size !== null && received !== file.size) {
    throw new AppError('engine_unavailable', {
      message: `${file.path} should have ${file.size} bytes, but ${received} were received`,
    });
  }
  return hash.digest('hex');
}

/** The text of a small file. @throws {AppError} `engine_unavailable` with the reason */
export async function readHubText(file: HubFile, { connectMs }: HubTimeouts, signal: AbortSignal): Promise<string> {
  const response = await ask(file.url, {}, connectMs, signal);
  if (!response.ok) throw refused(file.url, response);
  return await response.text().catch((cause: unknown) => {
    throw new AppError('engine_unavailable', { message: `${file.url} cannot be read`, cause });
  });
}

/** Sends a request. `connectMs` limits the time until the headers, not the body. */
async function ask(url: string, init: RequestInit, connectMs: number, signal: AbortSignal): Promise<Response> {
  const connect = new AbortController();
  const timer = setTimeout(() => connect.abort(new Error(`no answer within ${connectMs / 1_000} s`)), connectMs);
  try {
    return await fetch(url, { ...init, headers, signal: AbortSignal.any([signal, connect.signal]) });
  } catch (error) {
    signal.throwIfAborted();
    const cause = connect.signal.aborted ? connect.signal.reason : causeOf(error);
    throw new AppError('engine_unavailable', { message: `${new URL(url).host} cannot be reached`, cause });
  } finally {
    clearTimeout(timer);
  }
}

/** The reason of a failed fetch, whose own message is only "fetch failed". */
const causeOf = (error: unknown): unknown => (error instanceof TypeError ? (error.cause ?? error) : error);

function refused(url: string, { status }: Response): AppError {
  const meaning: Partial<Record<number, string>> = {
    401: 'the repository does not exist or needs a login',
    403: 'access is not granted',
    404: 'there is no such repository or revision',
    429: 'too many requests',
  };
  const because = meaning[status];
  return new AppError('engine_unavailable', {
    message: `${url} answered ${status}${because === undefined ? '' : `: ${because}`}`,
    details: { status },
  });
}

const isRedirect = (status: number): boolean => status >= 300 && status < 400;
const numberOf = (text: string | null): number | null => (text === null ? null : Number(text));
const sha256Of = (etag: string | null): string | null => /^(?:W\/)?"([0-9a-f]{64})"$/.exec(etag ?? '')?.[1] ?? null;
