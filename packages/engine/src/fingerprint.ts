/** What decides, besides prompt, parameters and seed, which text comes out. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { arch } from 'node:os';

/** The instruction sets that inference libraries choose their kernels by. */
const relevantFlags = /^(?:avx|fma|f16c|amx|asimd|sve|i8mm|bf16)/;

export interface FingerprintParts {
  /** Name and version. */
  readonly engine: string;
  /** The model's checksum, as in `DescribedModel`. */
  readonly checksum: string;
  readonly dtype: string;
}

/** @returns 16 hex digits */
export function fingerprintOf({ engine, checksum, dtype }: FingerprintParts): string {
  const parts = [engine, checksum, dtype, arch(), cpuFeatures()];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}

/** Names as in /proc/cpuinfo, separated by spaces; '' where the system does not tell. */
export function cpuFeatures(): string {
  try {
    const line = /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? '';
    return line
      .split(' ')
      .filter((flag) => relevantFlags.test(flag))
      .toSorted()
      .join(' ');
  } catch {
    return '';
  }
}
