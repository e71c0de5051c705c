import { expect, it } from 'vitest';
import { nextLink } from './next-link.ts';

it('the link to the next page keeps the other parameters', () => {
  expect(nextLink({ url: 'http://x/jobs?status=queued&cursor=old', basePath: '/api', cursor: 'new' })).toBe(
    '</api/jobs?status=queued&cursor=new>; rel="next"',
  );
});
