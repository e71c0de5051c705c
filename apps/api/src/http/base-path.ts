/** The path prefix under which clients see the service. A proxy removes it from requests. */
import { z } from 'zod';

/** Matches prefixes that every browser and URL library reads as a path and as nothing else. */
const basePathPattern = /^(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+)+$/;
const maxLength = 200;

export const isBasePath = (text: string): boolean => text.length <= maxLength && basePathPattern.test(text);

/** BASE_PATH; '' for none. */
export const basePathSchema = z.string().refine(isBasePath, {
  error: 'must be a path that begins with / and does not end with it, such as /api',
});
