import { expect, it } from 'vitest';
import { nextLink } from './next-link.ts';

it('the link to the next page keeps the other parameters', () => {
  expect(nextLink('http://x/jobs?status=queued&cursor=old', 'new')).toBe(
    '</jobs?status=queued&cursor=new>; rel="next"',
  );
});
