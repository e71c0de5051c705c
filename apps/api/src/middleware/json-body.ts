/**
 * A route that declares a body takes only JSON in UTF-8, uncompressed and small. A body may be missing only where it is
 * optional. The other routes refuse a body.
 */
import { AppError } from '@prosemill/core';
import { safeParse } from 'fast-content-type-parse';
import type { MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { every } from 'hono/combine';
import type { ApiEnv } from '../api-env.ts';
import { invalidRequest } from '../on-error.ts';

/**
 * Refuses any other media type and every content coding with 415, before the body is read. Media types with the suffix
 * `+json` are refused too: each has a meaning of its own, which this service does not know.
 * @see RFC 9110, section 8.3.1
 */
const requireJson: MiddlewareHandler<ApiEnv> = async function requireJson(c, next) {
  const given = c.req.header('Content-Type') ?? '';
  const { type, parameters } = safeParse(given);
  if (type !== 'application/json') throw unsupported('The Content-Type must be application/json, once.');
  const { charset = 'utf-8' } = parameters;
  if (!/^utf-?8$/i.test(charset))
    throw unsupported('The charset of the Content-Type must be utf-8: JSON has no other.');
  const codings = (c.req.header('Content-Encoding') ?? '').split(',').map((coding) => coding.trim().toLowerCase());
  if (codings.some((coding) => coding !== '' && coding !== 'identity')) {
    throw unsupported('The body must not have a content coding.');
  }
  // The validator of @hono/zod-openapi reads this header with a grammar of its own, which is narrower than the RFC's.
  if (given !== type) c.req.raw.headers.set('Content-Type', type);
  await next();
};

const unsupported = (message: string): AppError => new AppError('unsupported_media_type', { message });

/** Refuses a larger body: by its Content-Length, or else as soon as more bytes have arrived. */
const limitTo = (maxSize: number, onError: () => never): MiddlewareHandler<ApiEnv> =>
  async function limitBody(c, next) {
    const length = c.req.header('Content-Length');
    if (length === undefined || c.req.header('Transfer-Encoding') !== undefined) {
      return await bodyLimit({ maxSize, onError })(c, next);
    }
    // `bodyLimit` would make a stream of a body whose length is known.
    if (Number(length) > maxSize) onError();
    await next();
  };

const limitBody: MiddlewareHandler<ApiEnv> = async (c, next) => {
  const { maxBodyBytes: maxSize } = c.get('policy');
  const limit = limitTo(maxSize, () => {
    throw new AppError('body_too_large', { message: `The body must have at most ${maxSize} bytes.` });
  });
  return await limit(c, next);
};

/** The values of a body would be lost. Two bytes hold none: some clients send `{}` with each POST. */
const refuseBody = limitTo(2, () => {
  throw invalidRequest([{ path: [], message: 'This path takes no body.', code: 'unexpected_body' }]);
});

const decoder = new TextDecoder('utf-8', { fatal: true });

/** Refuses bytes that are not UTF-8: a decoder would silently replace them, and change the prompt. */
const requireUtf8: MiddlewareHandler<ApiEnv> = async function requireUtf8(c, next) {
  try {
    const text = decoder.decode(await c.req.arrayBuffer());
    // Hono would make a text of the bytes again, by way of a stream. Its type lacks the promise that it stores.
    Object.assign(c.req.bodyCache, { text: Promise.resolve(text) });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new AppError('invalid_json', { message: 'The body is not UTF-8.', cause: error });
  }
  await next();
};

const checkBody = every(requireJson, limitBody, requireUtf8);
const checkContent = every(requireJson, requireUtf8);

/** A body without bytes is missing, whatever its headers say: many clients always send a Content-Type. */
const checkIfThere: MiddlewareHandler<ApiEnv> = async function checkIfThere(c, next) {
  if ((await c.req.arrayBuffer()).byteLength > 0) return await checkContent(c, next);
  // With it, the validator of @hono/zod-openapi would parse the missing body.
  c.req.raw.headers.delete('Content-Type');
  await next();
};

const checkOptionalBody = every(limitBody, checkIfThere);

export const jsonBody: MiddlewareHandler<ApiEnv> = async function jsonBody(c, next) {
  const route = c.get('route');
  if (route === null || route.method === 'get') return await next();
  const body = route.request?.body;
  if (body === undefined) return await refuseBody(c, next);
  return await (body.required === true ? checkBody : checkOptionalBody)(c, next);
};
