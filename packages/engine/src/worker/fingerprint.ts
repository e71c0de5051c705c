import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { arch } from 'node:os';
import type { DescribedModel } from '../models/describe-model.ts';

/** CPU flags of the instruction sets by which inference libraries choose their kernels. */
const relevantFlags = /^(?:avx|fma|f16c|amx|asimd|sve|i8mm|bf16)/;

/**
 * Changes whenever the same prompt, parameters and seed may give another text. `batched` gives the same text in int8 on
 * every machine; sums of floats depend on the kernels that a library chooses for the CPU.
 * @param version  The version of the engine.
 * @returns 16 hex digits
 */
export function fingerprintOf(
  { engine, checksum, dtype }: Pick<DescribedModel, 'engine' | 'checksum' | 'dtype'>,
  version: string,
): string {
  const machine = engine === 'batched' && dtype === 'int8' ? [] : [arch(), cpuFeatures()];
  const parts = [`${engine} ${version}`, checksum, dtype, ...machine];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}

/** The relevant flags of /proc/cpuinfo, sorted and separated by spaces; '' where the system has no such file. */
function cpuFeatures(): string {
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
