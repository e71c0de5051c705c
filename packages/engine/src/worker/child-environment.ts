import { env } from 'node:process';

/**
 * Makes glibc use huge pages of 2 MB for the weights that onnxruntime holds: with pages of 4 KB the CPU waits for TLB
 * misses. Freed arrays of 512 KB or more return to the system at once; otherwise loading a model would leave a
 * fragmented heap. Needs glibc 2.35; other C libraries, and kernels without huge pages, ignore it.
 * @see https://www.gnu.org/software/libc/manual/html_node/Memory-Allocation-Tunables.html
 */
const tunables = { 'glibc.malloc.hugetlb': 1, 'glibc.malloc.mmap_threshold': 2 ** 19 };

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
