import { env } from 'node:process';

/**
 * Makes glibc use huge pages of 2 MB for the weights that onnxruntime holds: with pages of 4 KB the CPU waits for TLB
 * misses. Freed arrays of 512 KB or more return to the system at once; otherwise loading a model would leave a
 * fragmented heap. Needs glibc 2.35; other C libraries, and kernels without huge pages, ignore it.
 * @see https://www.gnu.org/software/libc/manual/html_node/Memory-Allocation-Tunables.html
 */
const tunables = { 'glibc.malloc.hugetlb': 1, 'glibc.malloc.mmap_threshold': 2 ** 19 };

/** Variables that the engine's native code must not see. OTEL_EXPORTER_OTLP_HEADERS may have a collector's API key. */
const secrets = /^(?:ADMIN_KEY|DATABASE_URL|REDIS_URL|PG.*|OTEL_.*)$/;

/** Returns this process's environment without secrets. Tunables that the operator has set win. */
export function childEnvironment(given: NodeJS.ProcessEnv = env): NodeJS.ProcessEnv {
  const set = given['GLIBC_TUNABLES']?.split(':').filter((entry) => entry !== '') ?? [];
  const added = Object.entries(tunables)
    .filter(([name]) => !set.some((entry) => entry.startsWith(`${name}=`)))
    .map(([name, value]) => `${name}=${value}`);
  const passed = Object.fromEntries(Object.entries(given).filter(([name]) => !secrets.test(name)));
  return { ...passed, GLIBC_TUNABLES: [...set, ...added].join(':') };
}
