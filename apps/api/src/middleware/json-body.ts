/** Bodies are JSON in UTF-8, plain, and small. */
import { maxBodyBytes } from '@prosemill/contract';
import { AppError } from '@prosemill/core';
import type { MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { ApiEnv } from '../api-env.ts';

const jsonInUtf8 = /^application\/json\s*(?:;\s*charset="?utf-?8"?\s*)?;?\s*$/i;

/** Refuses any other content type or encoding with 415, before the body is read. */
export const requireJson: MiddlewareHandler<ApiEnv> = async function requireJson(c, next) {
  const contentType = c.req.header('Content-Type') ?? '';
  if (!jsonInUtf8.test(contentType)) {
    throw new AppError('unsupported_media_type', {
      message: `The body must be application/json in UTF-8, not ${contentType === '' ? 'without a Content-Type' : 'something else'}.`,
    });
  }
  const encoding = c.req.header('Content-Encoding') ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') {
    throw new AppError('unsupported_media_type', { message: 'The body must not have a content encoding.' });
  }
  await next();
};

/** Refuses more than 64 KiB with 413, by Content-Length or, without one, as soon as more has come. */
export const limitBody: MiddlewareHandler<ApiEnv> = bodyLimit({
  maxSize: maxBodyBytes,
  onError: () => {
    throw new AppError('body_too_large', { message: `The body must have at most ${maxBodyBytes} bytes.` });
  },
});

/** Refuses bytes that are not UTF-8: decoding would replace them silently, and the prompt would not be what was sent. */
export const requireUtf8: MiddlewareHandler<ApiEnv> = async function requireUtf8(c, next) {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(await c.req.arrayBuffer());
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new AppError('invalid_json', { message: 'The body is not UTF-8.', cause: error });
  }
  await next();
};
