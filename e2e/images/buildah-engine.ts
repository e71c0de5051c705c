/**
 * Buildah as root, where there is no Docker. Containers run in namespaces of their own for processes and mounts, as the
 * user and with the variables of the image. So the command of the image is process 1, and its root file system is
 * read-only.
 */
import { spawn } from 'node:child_process';
import { chown, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LoggedProcess } from '../launch.ts';
import {
  buildArguments,
  buildOptions,
  type Container,
  type ContainerEngine,
  execute,
  type ImageConfig,
} from './container-engine.ts';

/**
 * Arguments: the root of the image, the folder for /app/data or nothing, the user, the working folder, the variables
 * and the command.
 */
const startScript = `
  set -e
  root=$1 data=$2 user=$3 folder=$4; shift 4
  mount --bind "$root" "$root"
  mount -o remount,bind,ro "$root"
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  [ -z "$data" ] || mount --bind "$data" "$root/app/data"
  exec chroot --userspec="$user" "$root" /usr/bin/env -i --chdir="$folder" "$@"
`;

/** The tag of the base without its digest; see infra/images/stand-in-base. */
const standIn = 'docker.io/library/node:24-slim';

/** The id of the user `node` in the official image and in the stand-in. */
const nodeId = 1000;

export class BuildahEngine implements ContainerEngine {
  readonly #containers = new Map<string, { readonly name: string; readonly folder: string }>();
  readonly #dataFolders: string[] = [];

  async build({ dockerfile, tag, args }: Parameters<ContainerEngine['build']>[0]): Promise<void> {
    const flags = ['--format', 'docker', '--pull-never', '--layers', '--isolation', 'chroot', ...certificateFlags()];
    await execute(
      'buildah',
      ['bud', ...flags, '-f', dockerfile, '-t', tag, ...buildArguments({ ...args, NODE_IMAGE: standIn }), '.'],
      buildOptions,
    );
  }

  async configOf(image: string): Promise<ImageConfig> {
    const { stdout } = await execute('buildah', ['inspect', '--type', 'image', image]);
    return (JSON.parse(stdout) as { readonly Docker: { readonly config: ImageConfig } }).Docker.config;
  }

  async run({ image, command, environment = {}, hasData = false }: Container): Promise<LoggedProcess> {
    const { User, WorkingDir, Cmd, Env } = await this.configOf(image);
    const variables = [...Env, 'HOME=/', ...Object.entries(environment).map(([name, value]) => `${name}=${value}`)];
    const folder = await this.#rootOf(image);
    const data = hasData ? await this.#dataFolder() : '';
    const flags = ['--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private'];
    const args = [
      ...flags,
      'sh',
      '-c',
      startScript,
      'sh',
      folder,
      data,
      User || 'root',
      WorkingDir || '/',
      ...variables,
    ];
    return new NamespacedProcess(
      spawn('unshare', [...args, ...(command ?? Cmd)], { stdio: ['ignore', 'pipe', 'pipe'] }),
    );
  }

  async stop(): Promise<void> {
    for (const { name } of this.#containers.values()) await execute('buildah', ['rm', name]);
    for (const folder of this.#dataFolders) await rm(folder, { recursive: true });
  }

  async #rootOf(image: string): Promise<string> {
    const known = this.#containers.get(image);
    if (known !== undefined) return known.folder;
    const name = (await execute('buildah', ['from', '--pull-never', image])).stdout.trim();
    const folder = (await execute('buildah', ['mount', name])).stdout.trim();
    this.#containers.set(image, { name, folder });
    return folder;
  }

  async #dataFolder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'prosemill-data-'));
    this.#dataFolders.push(folder);
    await chown(folder, nodeId, nodeId);
    return folder;
  }
}

class NamespacedProcess extends LoggedProcess {
  /** Sends the signal to the child of unshare, which is process 1 inside: unshare passes no signal on. */
  protected override async kill(signal: NodeJS.Signals): Promise<void> {
    const { pid } = this.child;
    const [first] = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ');
    if (first !== undefined && first !== '') process.kill(Number(first), signal);
  }
}

/** Flags that show the certificates of the network's own authority to a build without adding them to the image. */
function certificateFlags(): string[] {
  const file = process.env['NODE_EXTRA_CA_CERTS'];
  return file === undefined || file === '' ? [] : ['--volume', `${file}:${file}:ro`];
}
