/** JSON within a string, as in the data of an event. */
import { z } from '@hono/zod-openapi';

/** For /openapi.json. @see OpenAPI 3.2, section 4.14.4: an event is an object of strings */
export function jsonText(content: z.ZodType) {
  const { $schema: _, ...contentSchema } = z.toJSONSchema(content);
  const keywords = { contentMediaType: 'application/json', contentSchema };
  return z.string().openapi(keywords);
}
