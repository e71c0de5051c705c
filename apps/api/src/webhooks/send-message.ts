/** One attempt to send a message to its receiver. */
import http from 'node:http';
import https from 'node:https';
import { type DeliveryError, type DeliveryOutcome, maxWebhookUrlLength } from '@prosemill/core';
import {
  AddressRefusedError,
  AddressUnknownError,
  createLookup,
  guardHost,
  requirePublicHost,
} from './guarded-lookup.ts';
import { retryAfterMsOf } from './retry-after.ts';
import { createResolveHost, type ResolveHostOptions } from './resolve-host.ts';

export interface SendMessageOptions extends Pick<ResolveHostOptions, 'nameServers'> {
  /** Private, loopback and other special addresses are no receivers. False: every address is one. */
  readonly isGuarded: boolean;
  /** From the look-up of the host to the head of the answer. Default: 15 s. */
  readonly timeoutMs?: number;
}

export interface OutgoingMessage {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Aborted when the process stops. */
  readonly signal: AbortSignal;
}

/** Never rejects. Null: the signal was aborted, and it is unknown whether the receiver got the message. */
export type SendMessage = (message: OutgoingMessage) => Promise<DeliveryOutcome | null>;

const defaultTimeoutMs = 15_000;
/** Bytes of the head of an answer. */
const maxHeaderSize = 16 * 1024;

/** Statuses of a receiver that has no time now, and may say when it has. */
const busyStatuses: ReadonlySet<number> = new Set([429, 503]);

interface Answer {
  readonly statusCode: number;
  readonly location: string | null;
  readonly retryAfter: string | null;
}

/**
 * Follows no redirect, and reads nothing behind the head of an answer. Each attempt has a connection of its own, so
 * that no earlier one leads past the check of addresses.
 */
export function createSendMessage({
  isGuarded,
  timeoutMs = defaultTimeoutMs,
  nameServers,
}: SendMessageOptions): SendMessage {
  const resolveHost = createResolveHost({ nameServers });
  const lookup = createLookup(isGuarded ? guardHost(resolveHost) : resolveHost);

  async function post({ url, headers, body }: OutgoingMessage, signal: AbortSignal): Promise<Answer> {
    const target = new URL(url);
    if (isGuarded) requirePublicHost(target);
    const { request } = target.protocol === 'https:' ? https : http;
    return await new Promise((resolve, reject) => {
      const options = { lookup, method: 'POST', headers, agent: false, signal, maxHeaderSize } as const;
      const sending = request(target, { ...options, rejectUnauthorized: true }, (response) => {
        const { location: whole, 'retry-after': retryAfter = null } = response.headers;
        const location = whole?.slice(0, maxWebhookUrlLength) ?? null;
        resolve({ statusCode: response.statusCode ?? 0, location, retryAfter });
        response.destroy();
      });
      sending.on('error', reject);
      // Node reports no error when it closes the connection after a 101, and the signal comes too late for it.
      sending.on('close', () => reject(new Error('The connection was closed before an answer.')));
      sending.end(body);
    });
  }

  return async function sendMessage(message) {
    const startedAt = performance.now();
    // Nothing of an attempt stays at the signal, which lives as long as the process, as with `AbortSignal.any`.
    const over = new AbortController();
    const end = (): void => over.abort();
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      end();
    }, timeoutMs);
    message.signal.addEventListener('abort', end);
    if (message.signal.aborted) end();
    const outcome = (error: DeliveryError | null, answer: Answer | null): DeliveryOutcome => ({
      error,
      statusCode: answer?.statusCode ?? null,
      location: error === 'redirected' ? (answer?.location ?? null) : null,
      retryAfterMs: answer !== null && busyStatuses.has(answer.statusCode) ? retryAfterMsOf(answer.retryAfter) : null,
      durationMs: Math.round(performance.now() - startedAt),
    });
    try {
      const answer = await post(message, over.signal);
      return outcome(errorOfStatus(answer.statusCode), answer);
    } catch (error) {
      if (isLate) return outcome('timed_out', null);
      return message.signal.aborted ? null : outcome(errorOf(error), null);
    } finally {
      clearTimeout(timer);
      message.signal.removeEventListener('abort', end);
    }
  };
}

function errorOfStatus(status: number): DeliveryError | null {
  if (status >= 200 && status < 300) return null;
  if (status === 410) return 'gone';
  return status >= 300 && status < 400 ? 'redirected' : 'bad_status';
}

function errorOf(error: unknown): DeliveryError {
  if (error instanceof AddressRefusedError) return 'address_refused';
  return error instanceof AddressUnknownError ? 'dns_failed' : 'connection_failed';
}
