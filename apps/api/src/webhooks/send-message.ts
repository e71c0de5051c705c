/** One attempt to send a message to its receiver. */
import http from 'node:http';
import https from 'node:https';
import { type DeliveryError, type DeliveryOutcome, maxWebhookUrlLength } from '@prosemill/core';
import { AddressRefusedError, guardedLookup, type LookupAll, requirePublicHost } from './guarded-lookup.ts';

export interface SendMessageOptions {
  /** Private, loopback and other special addresses are no receivers. False: every address is one. */
  readonly isGuarded: boolean;
  /** From the look-up of the host to the head of the answer. */
  readonly timeoutMs: number;
  /** Default: the system's. */
  readonly lookup?: LookupAll;
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

/** Bytes of the head of an answer. */
const maxHeaderSize = 16 * 1024;

interface Answer {
  readonly statusCode: number;
  readonly location: string | null;
}

/**
 * Follows no redirect, and reads nothing behind the head of an answer. Each attempt has a connection of its own, so
 * that no earlier one leads past the check of addresses.
 */
export function createSendMessage({ isGuarded, timeoutMs, lookup }: SendMessageOptions): SendMessage {
  const guard = isGuarded ? { lookup: guardedLookup(lookup) } : {};

  async function post({ url, headers, body }: OutgoingMessage, signal: AbortSignal): Promise<Answer> {
    const target = new URL(url);
    if (isGuarded) requirePublicHost(target);
    const { request } = target.protocol === 'https:' ? https : http;
    return await new Promise((resolve, reject) => {
      const options = { ...guard, method: 'POST', headers, agent: false, signal, maxHeaderSize } as const;
      const sending = request(target, { ...options, rejectUnauthorized: true }, (response) => {
        const { location = null } = response.headers;
        resolve({ statusCode: response.statusCode ?? 0, location: location?.slice(0, maxWebhookUrlLength) ?? null });
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
    const timeout = AbortSignal.timeout(timeoutMs);
    const outcome = (error: DeliveryError | null, answer: Answer | null): DeliveryOutcome => ({
      error,
      statusCode: answer?.statusCode ?? null,
      location: error === 'redirected' ? (answer?.location ?? null) : null,
      durationMs: Math.round(performance.now() - startedAt),
    });
    try {
      const answer = await post(message, AbortSignal.any([message.signal, timeout]));
      return outcome(errorOfStatus(answer.statusCode), answer);
    } catch (error) {
      if (timeout.aborted) return outcome('timed_out', null);
      return message.signal.aborted ? null : outcome(errorOf(error), null);
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
  const code = error instanceof Error && 'code' in error ? error.code : '';
  return code === 'ENOTFOUND' || code === 'EAI_AGAIN' ? 'dns_failed' : 'connection_failed';
}
