import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { arch } from 'node:os';
import type { DescribedModel } from './models/describe-model.ts';

/** CPU flags of the instruction sets by which inference libraries choose their kernels. */
const relevantFlags = /^(?:avx|fma|f16c|amx|asimd|sve|i8mm|bf16)/;

/**
 * Changes whenever the same prompt, parameters and seed may give another text.
 * @param engine  The engine's name and version.
 * @returns 16 hex digits
 */
export function fingerprintOf(engine: string, { checksum, dtype }: Pick<DescribedModel, 'checksum' | 'dtype'>): string {
  const parts = [engine, checksum, dtype, arch(), cpuFeatures()];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}

/** The relevant flags of /proc/cpuinfo, sorted and separated by spaces; '' where the system has no such file. */
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
