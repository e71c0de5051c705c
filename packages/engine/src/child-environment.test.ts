import { describe, expect, it } from 'vitest';
import { childEnvironment } from './child-environment.ts';

describe("the environment of the engine's process", () => {
  it('asks for large pages, and passes on everything else', () => {
    expect(childEnvironment({ PATH: '/bin' })).toEqual({ PATH: '/bin', GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1' });
  });

  it('keeps what an operator has set', () => {
    expect(childEnvironment({ GLIBC_TUNABLES: 'glibc.malloc.arena_max=1' })).toEqual({
      GLIBC_TUNABLES: 'glibc.malloc.arena_max=1:glibc.malloc.hugetlb=1',
    });
    expect(childEnvironment({ GLIBC_TUNABLES: 'glibc.malloc.hugetlb=0' })).toEqual({
      GLIBC_TUNABLES: 'glibc.malloc.hugetlb=0',
    });
  });
});
