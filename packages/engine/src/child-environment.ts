/** The environment of the engine's process. */
import { env } from 'node:process';

/**
 * glibc asks for pages of 2 MB: a step reads hundreds of megabytes of weights, keys and values, and with pages of 4 KB the processor waits for their addresses.
 * Needs glibc 2.35; other C libraries, and kernels without such pages, take no notice.
 * @see https://www.gnu.org/software/libc/manual/html_node/Memory-Allocation-Tunables.html
 */
const largePages = 'glibc.malloc.hugetlb=1';

/** @param given  What this process was started with; passed on. */
export function childEnvironment(given: NodeJS.ProcessEnv = env): NodeJS.ProcessEnv {
  const { GLIBC_TUNABLES: tunables } = given;
  if (tunables?.includes('glibc.malloc.hugetlb=') === true) return given;
  return {
    ...given,
    GLIBC_TUNABLES: tunables === undefined || tunables === '' ? largePages : `${tunables}:${largePages}`,
  };
}
