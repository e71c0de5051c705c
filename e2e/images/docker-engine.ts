/** Docker. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { LoggedProcess } from '../launch.ts';
import {
  buildArguments,
  buildOptions,
  type Container,
  type ContainerEngine,
  execute,
  type ImageConfig,
} from './container-engine.ts';

export const dockerEngine: ContainerEngine = {
  async build({ dockerfile, tag, args }) {
    const flags = ['--network', 'host', '-f', dockerfile, '-t', tag, ...buildArguments(args)];
    await execute('docker', ['build', ...flags, '.'], buildOptions);
  },
  async configOf(image) {
    const { stdout } = await execute('docker', ['image', 'inspect', '--format', '{{json .Config}}', image]);
    return JSON.parse(stdout) as ImageConfig;
  },
  run: async (container) => new DockerProcess(`prosemill-${randomUUID()}`, container),
  stop: async () => undefined,
};

class DockerProcess extends LoggedProcess {
  readonly #name: string;

  constructor(name: string, { image, command = [], environment = {}, hasData = false }: Container) {
    const variables = Object.entries(environment).flatMap(([key, value]) => ['--env', `${key}=${value}`]);
    const volume = hasData ? ['--volume', '/app/data'] : [];
    const flags = ['--rm', '--name', name, '--network', 'host', '--read-only', ...volume, ...variables];
    super(spawn('docker', ['run', ...flags, image, ...command], { stdio: ['ignore', 'pipe', 'pipe'] }));
    this.#name = name;
  }

  protected override async kill(signal: NodeJS.Signals): Promise<void> {
    await execute('docker', ['kill', '--signal', signal, this.#name]);
  }
}
