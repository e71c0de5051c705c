/** Download links: a browser's download cannot carry an API key, so the link itself is the right to one export. */
import { createHash, randomBytes } from 'node:crypto';
import { exportLinkMs } from '@prosemill/contract';
import { AppError, type ExportLinkStore, type ExportRequest } from '@prosemill/core';
import { createFailedAttempts } from '../auth/failed-attempts.ts';

/** 256 bits: guessing is hopeless, so one round of SHA-256 protects the stored hash. */
const tokenBytes = 32;
/** These bytes in base64url. */
const tokenPattern = /^[\w-]{43}$/;

const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');

export function createExportLinks(links: ExportLinkStore) {
  const failedAttempts = createFailedAttempts();

  return {
    /** @returns the token, which is not stored, and its expiry */
    async create(request: ExportRequest, keyId: string | null) {
      const token = randomBytes(tokenBytes).toString('base64url');
      const expiresAt = await links.create({ hash: hashOf(token), request, keyId, expiresInMs: exportLinkMs });
      return { token, expiresAt };
    },

    /**
     * Uses the link up.
     * @throws {AppError} `not_found`, the same for every cause; `rate_limited` while too many unknown links come
     */
    async take(token: string): Promise<ExportRequest> {
      const isToken = tokenPattern.test(token);
      const waitMs = isToken ? failedAttempts.admit() : 0;
      if (waitMs > 0) {
        const message = 'Too many unknown download links arrive at this moment.';
        throw new AppError('rate_limited', { message, details: { retryAfterMs: waitMs } });
      }
      const request = isToken ? await links.take(hashOf(token)) : null;
      if (request === null) {
        const message = `This download link was used, or is older than ${exportLinkMs / 1_000} s. Export again.`;
        throw new AppError('not_found', { message });
      }
      failedAttempts.refund();
      return request;
    },
  };
}
