/**
 * Buildah, where there is no Docker, as root. What it builds runs in namespaces of its own for processes and mounts, as user and with
 * variables of its image, so that the image's command is process 1 and its root file system is read-only.
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

/** Arguments: the image's root, the folder for /app/data or nothing, user, working folder, then the variables and the command. */
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

/** The tag without a digest that a Dockerfile may pin: infra/images/stand-in-base. */
const standIn = 'docker.io/library/node:24-slim';

/** Of the user node in the official image and in the stand-in. */
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
  /** What unshare forked is process 1 inside; unshare itself passes no signal on. */
  protected override async kill(signal: NodeJS.Signals): Promise<void> {
    const { pid } = this.child;
    const [first] = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ');
    if (first !== undefined && first !== '') process.kill(Number(first), signal);
  }
}

/** A network with an authority of its own: its certificates are seen while an image is built, and are not in it. */
function certificateFlags(): string[] {
  const file = process.env['NODE_EXTRA_CA_CERTS'];
  return file === undefined || file === '' ? [] : ['--volume', `${file}:${file}:ro`];
}
