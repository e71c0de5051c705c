/** The machine on which the numbers were measured. */
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  /** The CPU's instruction sets for multiplication; empty if the system does not list them. */
  readonly instructions: readonly string[];
}

const multiplying = ['avx2', 'avx_vnni', 'avx512f', 'avx512_vnni', 'avx512_bf16', 'amx_int8', 'asimddp', 'i8mm'];

/** @param cpuInfo  The text of /proc/cpuinfo, or '' if there is none. */
export function describeMachine(cpuInfo: string): Machine {
  const flags = new Set(/^(?:flags|Features)\s*:(.*)$/m.exec(cpuInfo)?.[1]?.split(' '));
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release().split('-')[0]}`,
    node: process.version,
    instructions: multiplying.filter((name) => flags.has(name)),
  };
}

/** Whether the CPU has instructions for sums of products of bytes. A product in int8 takes twice as long without. */
export const hasDotProducts = ({ instructions }: Pick<Machine, 'instructions'>): boolean =>
  ['avx_vnni', 'avx512_vnni', 'asimddp'].some((name) => instructions.includes(name));
