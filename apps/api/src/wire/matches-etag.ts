/** Whether an If-None-Match header names this weak ETag. @see RFC 9110, §13.1.2: weak comparison, a list, or `*` */
export function matchesEtag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  const strong = etag.slice(2);
  return header.split(',').some((candidate) => {
    const tag = candidate.trim();
    return tag === '*' || tag === strong || tag === etag;
  });
}
