/**
 * The position of a client in a stream, as the id of its last event. It proves itself: a text continues that of the
 * client exactly when its beginning has the same checksum.
 */
import { z } from '@hono/zod-openapi';
import type { Job } from '@prosemill/core';

export interface StreamPosition {
  /** Code points of the completion that the client has. */
  readonly offset: number;
  /** The CRC-32 of their UTF-8 bytes; null: the client sent none, and its offset is trusted. */
  readonly checksum: number | null;
}

export const streamStart: StreamPosition = { offset: 0, checksum: 0 };

/** Programs in other languages read this pattern too, and there `\d` may match digits of other scripts. */
export const positionForm = '(?:[0-9]{1,15}-([0-9]{1,15})(?:-([0-9a-f]{8}))?)?';
const form = new RegExp(`^${positionForm}$`);

/**
 * `<version>-<offset>-<CRC-32>`. The version of the job, as known when the event was made, is for people who read logs.
 * Empty: no position.
 */
export const streamPosition = z
  .string()
  .regex(form, {
    error: 'must be the id of an event: <version>-<offset>-<CRC-32 as 8 hex digits>, or <version>-<offset>',
  })
  .transform((id): StreamPosition | undefined => {
    const [, offset, checksum] = form.exec(id) ?? [];
    if (offset === undefined) return undefined;
    return { offset: Number(offset), checksum: checksum === undefined ? null : Number.parseInt(checksum, 16) };
  })
  .openapi({ type: 'string', pattern: form.source, example: '3-120-9ae0daaf' });

export function presentPosition({ version }: Pick<Job, 'version'>, { offset, checksum }: StreamPosition): string {
  const proof = checksum === null ? '' : `-${checksum.toString(16).padStart(8, '0')}`;
  return `${version}-${offset}${proof}`;
}
