/** The lists of the service, newest first. */
import { malformedAnswer } from './errors.ts';
import type { CallOptions, Query, Transport } from './transport.ts';

export interface Page<Item> {
  readonly data: readonly Item[];
  readonly has_more: boolean;
  /** Null: there are no older items. */
  readonly next_cursor: string | null;
}

export interface PageOptions<Item> extends CallOptions {
  /** `next_cursor` of the page before; default: the newest page. */
  readonly cursor?: string | null | undefined;
  /** The same page of before. If nothing has changed, this object itself is the answer (ETag, 304). */
  readonly known?: Page<Item> | null | undefined;
}

/** An iteration asks for as many pages as it needs. */
export interface List<Item> extends AsyncIterable<Item> {
  page(options?: PageOptions<Item>): Promise<Page<Item>>;
}

export function listOf<Item>(
  transport: Transport,
  path: string,
  { filters, signal: given }: CallOptions & { readonly filters: object },
): List<Item> {
  async function page({ cursor, known, signal = given }: PageOptions<Item> = {}): Promise<Page<Item>> {
    const query = { ...(filters as Query), cursor: cursor ?? undefined };
    const { status, body } = await transport.request<Page<Item>>(path, { query, signal, known });
    if (!Array.isArray(body.data)) throw malformedAnswer(status);
    return body;
  }
  return {
    page,
    async *[Symbol.asyncIterator]() {
      for (let cursor: string | null = null; ;) {
        const { data, next_cursor: next } = await page({ cursor });
        yield* data;
        if (next === null) return;
        cursor = next;
      }
    },
  };
}
