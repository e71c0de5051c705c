/** The environment of the engine's process. */
import { env } from 'node:process';

/**
 * glibc asks for pages of 2 MB: a step reads hundreds of megabytes of weights, keys and values, and with pages of 4 KB the processor waits for their addresses.
 * And what is freed of larger arrays goes back to the system instead of staying in a heap with holes. Needs glibc 2.35; other C libraries, and kernels without
 * such pages, take no notice.
 * @see https://www.gnu.org/software/libc/manual/html_node/Memory-Allocation-Tunables.html
 */
const tunables = { 'glibc.malloc.hugetlb': 1, 'glibc.malloc.mmap_threshold': 4 * 2 ** 20 };

/** What the engine has no use for, and native code that reads foreign models and prompts should not see; a collector's key is in one of OpenTelemetry's. */
const secrets = /^(?:ADMIN_KEY|DATABASE_URL|REDIS_URL|PG.*|OTEL_.*)$/;

/** @param given  What this process was started with; passed on without secrets, and what an operator has set stays. */
export function childEnvironment(given: NodeJS.ProcessEnv = env): NodeJS.ProcessEnv {
  const set = given['GLIBC_TUNABLES']?.split(':').filter((entry) => entry !== '') ?? [];
  const added = Object.entries(tunables)
    .filter(([name]) => !set.some((entry) => entry.startsWith(`${name}=`)))
    .map(([name, value]) => `${name}=${value}`);
  const passed = Object.fromEntries(Object.entries(given).filter(([name]) => !secrets.test(name)));
  return { ...passed, GLIBC_TUNABLES: [...set, ...added].join(':') };
}
