/** The environment variables of the engine's process. */
import { env } from 'node:process';

/**
 * Lets glibc ask for pages of 2 MB: a step reads hundreds of megabytes of weights, keys and values, and with pages of 4
 * KB the processor waits for address translation. Freed large arrays also go back to the system at once, instead of
 * staying in a fragmented heap. Needs glibc 2.35; other C libraries, and kernels without huge pages, ignore it.
 * @see https://www.gnu.org/software/libc/manual/html_node/Memory-Allocation-Tunables.html
 */
const tunables = { 'glibc.malloc.hugetlb': 1, 'glibc.malloc.mmap_threshold': 4 * 2 ** 20 };

/**
 * Variables that the engine does not need and its native code must not see; one of OTEL_ has the key of a collector.
 */
const secrets = /^(?:ADMIN_KEY|DATABASE_URL|REDIS_URL|PG.*|OTEL_.*)$/;

/** @param given  The environment of this process, passed on without secrets. Tunables that an operator has set win. */
export function childEnvironment(given: NodeJS.ProcessEnv = env): NodeJS.ProcessEnv {
  const set = given['GLIBC_TUNABLES']?.split(':').filter((entry) => entry !== '') ?? [];
  const added = Object.entries(tunables)
    .filter(([name]) => !set.some((entry) => entry.startsWith(`${name}=`)))
    .map(([name, value]) => `${name}=${value}`);
  const passed = Object.fromEntries(Object.entries(given).filter(([name]) => !secrets.test(name)));
  return { ...passed, GLIBC_TUNABLES: [...set, ...added].join(':') };
}
