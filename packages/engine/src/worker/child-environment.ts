import { env } from 'node:process';

/**
 * Settings of glibc's malloc, from version 2.35 on; other C libraries, and kernels without huge pages, ignore them.
 * - Huge pages of 2 MB hold the weights of onnxruntime: with pages of 4 KB the CPU waits for TLB misses.
 * - Freed arrays of 4 MB or more return to the system at once. Otherwise loading a model leaves a fragmented heap.
 * - The heap keeps smaller ones, such as the copies of a step's outputs, and up to 8 MB of free memory at its end: with
 *   512 KB a step spent a fifth of its time in new pages.
 * - All threads share two heaps, because each may keep what loading leaves in it.
 * @see https://www.gnu.org/software/libc/manual/html_node/Memory-Allocation-Tunables.html
 */
const tunables = {
  'glibc.malloc.hugetlb': 1,
  'glibc.malloc.mmap_threshold': 4 * 2 ** 20,
  'glibc.malloc.trim_threshold': 8 * 2 ** 20,
  'glibc.malloc.arena_max': 2,
};

/**
 * onnxruntime's binaries report sessions to Microsoft, and keep a database for it in the home folder, unless this is
 * set.
 */
const noTelemetry = { ORT_DISABLE_TELEMETRY: '1' };

/** Variables that the engine's native code must not see. OTEL_EXPORTER_OTLP_HEADERS may have a collector's API key. */
const secrets = /^(?:ADMIN_KEY|DATABASE_URL|REDIS_URL|PG.*|OTEL_.*)$/;

/** Returns this process's environment without secrets. Tunables that the operator has set win. */
export function childEnvironment(given: NodeJS.ProcessEnv = env): NodeJS.ProcessEnv {
  const set = given['GLIBC_TUNABLES']?.split(':').filter((entry) => entry !== '') ?? [];
  const added = Object.entries(tunables)
    .filter(([name]) => !set.some((entry) => entry.startsWith(`${name}=`)))
    .map(([name, value]) => `${name}=${value}`);
  const passed = Object.fromEntries(Object.entries(given).filter(([name]) => !secrets.test(name)));
  return { ...passed, ...noTelemetry, GLIBC_TUNABLES: [...set, ...added].join(':') };
}

/** For a process that runs onnxruntime itself: call this before the first session, on the main thread. */
export const forbidTelemetry = (): void => void Object.assign(env, noTelemetry);
