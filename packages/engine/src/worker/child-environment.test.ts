import { describe, expect, it } from 'vitest';
import { childEnvironment } from './child-environment.ts';

describe("the environment of the engine's process", () => {
  const quiet = { ORT_DISABLE_TELEMETRY: '1' };
  const sizes = 'glibc.malloc.mmap_threshold=4194304:glibc.malloc.trim_threshold=8388608:glibc.malloc.arena_max=2';
  const all = `glibc.malloc.hugetlb=1:${sizes}`;

  it('asks for huge pages, and passes the other variables on', () => {
    expect(childEnvironment({ PATH: '/bin' })).toEqual({ PATH: '/bin', ...quiet, GLIBC_TUNABLES: all });
  });

  it('leaves out the secrets of the worker and of the service', () => {
    const secrets = ['ADMIN_KEY', 'DATABASE_URL', 'REDIS_URL', 'PGPASSWORD', 'OTEL_EXPORTER_OTLP_HEADERS'];
    const given = Object.fromEntries([...secrets, 'PATH', 'HOME'].map((name) => [name, 'x']));
    expect(childEnvironment(given)).toEqual({ PATH: 'x', HOME: 'x', ...quiet, GLIBC_TUNABLES: all });
  });

  it('keeps the tunables that an operator has set', () => {
    expect(childEnvironment({ GLIBC_TUNABLES: 'glibc.malloc.tcache_count=1' })).toEqual({
      ...quiet,
      GLIBC_TUNABLES: `glibc.malloc.tcache_count=1:${all}`,
    });
    expect(childEnvironment({ GLIBC_TUNABLES: 'glibc.malloc.hugetlb=0' })).toEqual({
      ...quiet,
      GLIBC_TUNABLES: `glibc.malloc.hugetlb=0:${sizes}`,
    });
  });
});
