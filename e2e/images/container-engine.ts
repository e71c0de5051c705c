/** Builds images and runs containers: Docker, or Buildah and the kernel. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Environment, LoggedProcess } from '../launch.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Build {
  readonly dockerfile: string;
  readonly tag: string;
  readonly args: Environment;
}

/** A container on the network of this machine, with a read-only root file system. */
export interface Container {
  readonly image: string;
  /** Default: the command of the image. */
  readonly command?: readonly string[];
  readonly environment?: Environment;
  /** Whether /app/data is an empty volume that can be written. */
  readonly hasData?: boolean;
}

export interface ImageConfig {
  readonly User: string;
  readonly WorkingDir: string;
  readonly Cmd: readonly string[];
  readonly Env: readonly string[];
  readonly Healthcheck?: { readonly Test: readonly string[] };
}

export interface ContainerEngine {
  /** @throws an error with the output of the build */
  build(build: Build): Promise<void>;
  configOf(image: string): Promise<ImageConfig>;
  run(container: Container): Promise<LoggedProcess>;
  /** Removes its leftovers, but not the images. */
  stop(): Promise<void>;
}

export const execute = promisify(execFile);

/** Room for the output of a build. */
export const buildOptions = { cwd: root, maxBuffer: 256 * 1024 * 1024 };

export const buildArguments = (args: Environment): string[] =>
  Object.entries(args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
