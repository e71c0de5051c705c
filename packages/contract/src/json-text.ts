/** JSON within a string, as in the data of an event. */
import { z } from '@hono/zod-openapi';

/**
 * For /openapi.json.
 * @param name  The schema of the JSON among the components of the document.
 * @see OpenAPI 3.2, section 4.14.4: an event is an object of strings
 */
export function jsonText(name: string) {
  const contentSchema = { $ref: `#/components/schemas/${name}` };
  const keywords = { contentMediaType: 'application/json', contentSchema };
  return z.string().openapi({ ...keywords, description: `\`${name}\` as JSON.` });
}
