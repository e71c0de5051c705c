/** What builds images and runs containers: Docker, or without it Buildah and the kernel. */
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

/** A container on the network of this machine, its root file system read-only. */
export interface Container {
  readonly image: string;
  /** Default: the image's. */
  readonly command?: readonly string[];
  readonly environment?: Environment;
  /** /app/data may be written to: an empty volume. */
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
  /** @throws with what the build wrote */
  build(build: Build): Promise<void>;
  configOf(image: string): Promise<ImageConfig>;
  run(container: Container): Promise<LoggedProcess>;
  /** Removes what it left behind, but not the images. */
  stop(): Promise<void>;
}

export const execute = promisify(execFile);

/** A build writes much. */
export const buildOptions = { cwd: root, maxBuffer: 256 * 1024 * 1024 };

export const buildArguments = (args: Environment): string[] =>
  Object.entries(args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
